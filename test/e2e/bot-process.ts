import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { born, stop } from '../lab/process.ts'

const root = join(import.meta.dirname, '..', '..')

/** The four files as people write them; JSON is YAML. */
export type Files = {
  readonly sluice: Readonly<Record<string, unknown>>
  readonly people: Readonly<Record<string, unknown>>
  readonly clusters: readonly Readonly<Record<string, unknown>>[]
  readonly policies: readonly Readonly<Record<string, unknown>>[]
}
export type Bot = {
  readonly pid: number
  /** Its data folder. */
  readonly data: string
  /** What it logged so far. */
  readonly log: () => string
  /** Asks it to end, waits for that, and removes its folder. */
  readonly stop: () => Promise<void>
}

/** The rules of the shipped example that a drain meets, without the one about weekends: tests run on any day. */
export const POLICIES: Files['policies'] = [
  { name: 'everybody reads', when: { person: { known: true }, risk: ['read'] }, allow: true },
  { name: 'operators change anything', when: { person: { in: ['operators'] }, risk: ['change'] }, allow: true },
  {
    name: 'production needs a second pair of eyes',
    when: { person: { in: ['operators'] }, cluster: { type: ['production'] }, risk: ['disruptive', 'secret'] },
    needs: { approvals: 1, from: ['operators'], within: '30m' },
  },
]

/** `bin/sluice run` (or that of a bundle) as a process of its own, on files in a folder of its own; resolves when it says that it is ready. */
export async function startBot(
  files: Files,
  secrets: Readonly<Record<string, string>>,
  program: string = join(root, 'bin', 'sluice'),
): Promise<Bot> {
  const home = mkdtempSync(join(tmpdir(), 'sluice-e2e-'))
  const config = join(home, 'config')
  mkdirSync(config)
  const write = (name: string, content: unknown): void => writeFileSync(join(config, name), JSON.stringify(content))
  write('sluice.yaml', files.sluice)
  write('people.yaml', { people: files.people })
  write('clusters.yaml', { clusters: files.clusters })
  write('policies.yaml', { policies: files.policies })
  const data = join(home, 'data')
  const child = spawn(program, ['run', '--config', config, '--data', data], {
    cwd: root,
    env: { ...process.env, REDIS_URL: '', ...secrets },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString()))
  const bot: Bot = {
    pid: child.pid ?? 0,
    data,
    log: () => said,
    stop: async () => {
      if (child.pid !== undefined && born(child.pid) !== undefined) await stop(child.pid, 'the bot', 20_000)
      rmSync(home, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 })
    },
  }
  try {
    await ready(child, () => said)
  } catch (error) {
    await bot.stop()
    throw error
  }
  return bot
}

function ready(child: ChildProcess, said: () => string): Promise<void> {
  return new Promise((resolve, reject) => {
    const limit = setTimeout(() => end(new Error(`the bot is not ready after a minute; it said ${said()}`)), 60_000)
    const look = (): void => {
      if (said().includes('"ready"')) end()
    }
    const ended = (code: number | null): void => end(new Error(`the bot ended with ${code}; it said ${said()}`))
    const end = (error?: Error): void => {
      clearTimeout(limit)
      child.off('close', ended)
      if (error === undefined) resolve()
      else reject(error)
    }
    child.on('close', ended)
    child.stdout?.on('data', look)
    child.stderr?.on('data', look)
  })
}

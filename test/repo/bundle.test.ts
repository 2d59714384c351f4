import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Bot, POLICIES, startBot } from '../e2e/bot-process.ts'
import { matrixRoom, slackRoom } from '../e2e/chat-room.ts'
import { real } from '../lab/need.ts'

const root = resolve(import.meta.dirname, '..', '..')
const home = mkdtempSync(join(tmpdir(), 'sluice-bundle-'))
const bundle = join(home, 'opt')
const program = join(bundle, 'bin', 'sluice')
const dockerfile = readFileSync(join(root, 'Dockerfile'), 'utf8').replaceAll('\\\n', ' ')
const instructions = dockerfile
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'))
  .map((line) => ({ word: line.slice(0, line.indexOf(' ')), rest: line.slice(line.indexOf(' ') + 1).trim() }))
const all = (word: string): readonly string[] => instructions.filter((i) => i.word === word).map((i) => i.rest)

beforeAll(() => {
  // what the Dockerfile runs, into a folder of ours: away from the source and its node_modules
  const command = all('RUN').find((line) => line.startsWith('node ')) ?? ''
  const [, script = ''] = /^node (\S+) dist$/.exec(command) ?? []
  const { status, stderr } = spawnSync(process.execPath, [script, bundle], { cwd: root, encoding: 'utf8' })
  expect(stderr).toBe('')
  expect(status).toBe(0)
}, 120_000)
afterAll(() => rmSync(home, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 }))

/** Says lines to the bundle's console and gives everything that came back. */
function talk(args: readonly string[], lines: readonly object[]): Promise<{ code: number | null; said: string }> {
  const data = mkdtempSync(join(home, 'data-'))
  const child = spawn(program, ['console', '--json', '--data', data, ...args], { cwd: data, stdio: 'pipe' })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString()))
  child.stdin.end(lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
  return new Promise((done) => child.on('close', (code) => done({ code, said })))
}

describe('the bundle', () => {
  test('its console knows the configuration beside it', async () => {
    const { code, said } = await talk([], [{ as: 'nico', text: 'list clusters' }])
    expect(said).toContain('"type":"message"')
    expect(said).toContain('p10')
    expect(code).toBe(0)
  }, 60_000)

  test('it starts its practice world and reads a cluster', async () => {
    const { code, said } = await talk(['--practice'], [{ as: 'nico', text: 'list nodes p10' }])
    expect(said).toContain('server23')
    expect(said).toContain('Ready')
    expect(code).toBe(0)
  }, 60_000)

  test('adapters and clients are files of their own, loaded when asked for', () => {
    const files = readdirSync(join(bundle, 'src/cli'))
    for (const name of ['slack', 'matrix', 'session', 'adapter'])
      expect(files.filter((file) => file.startsWith(`${name}-`)).length, name).toBeGreaterThan(0)
    const first = readFileSync(join(bundle, 'src/cli/main.js'), 'utf8')
    expect(first.length).toBeLessThan(100_000)
  })

  test('every file of it can be loaded where it lies: what it does not hold is beside it', () => {
    const files = readdirSync(join(bundle, 'src/cli')).filter((name) => !['main.js', 'detached.js'].includes(name))
    const script = `for (const name of ${JSON.stringify(files)}) await import('./' + name); process.exit(0)`
    const argv = ['--disable-warning=DEP0060', '--input-type=module', '-e', script]
    const { status, stderr } = spawnSync(process.execPath, argv, { cwd: join(bundle, 'src/cli'), encoding: 'utf8' })
    // Node shows the whole line, and a line is a megabyte
    expect(stderr.slice(-1_000)).toBe('')
    expect(status).toBe(0)
  })

  test('it hands on the licences of what is in it', () => {
    const licences = readFileSync(join(bundle, 'LICENSES'), 'utf8')
    for (const name of ['bullmq', 'ioredis', '@slack/bolt', 'matrix-bot-sdk', '@kubernetes/client-node', 'zod'])
      expect(licences).toContain(`\n${name} `)
  })
})

await real(['synapse'], 'the bundled bot', (synapse) => {
  test('answers on Slack and on Matrix, and shows that it is alive', async () => {
    const [slack, matrix] = await Promise.all([slackRoom('socket'), matrixRoom(synapse)])
    let bot: Bot | undefined
    try {
      bot = await startBot(
        {
          sluice: {
            rooms: { ops: { slack: slack.place, matrix: matrix.place } },
            slack: { mode: 'socket', botToken: 'env:B_SLACK', appToken: 'env:B_APP', apiUrl: slack.lab.apiUrl },
            matrix: { homeserver: synapse.url, accessToken: 'env:B_MATRIX' },
          },
          people: { nico: { title: 'nico', groups: ['operators'], slack: slack.nico.id, matrix: matrix.nico.id } },
          clusters: [{ name: 'p10', type: 'production', purpose: 'everything important' }],
          policies: POLICIES,
        },
        { B_SLACK: slack.lab.botToken, B_APP: slack.lab.appToken, B_MATRIX: matrix.token },
        program,
      )
      for (const room of [slack, matrix]) {
        await room.nico.say('list clusters', { mention: true })
        await room.look('an answer', ({ text }) => text.includes('everything important'))
      }
      const [check = ''] = all('HEALTHCHECK')
      const probe = /CMD (.*)$/.exec(check)?.[1]?.replaceAll('/data', bot.data) ?? 'false'
      expect(spawnSync('sh', ['-c', probe]).status).toBe(0)
      rmSync(join(bot.data, 'alive'))
      expect(spawnSync('sh', ['-c', probe]).status).toBe(1)
    } finally {
      await bot?.stop()
      await Promise.all([slack.stop(), matrix.stop()])
    }
  }, 120_000)
})

describe('the Dockerfile', () => {
  test('copies what there is', () => {
    for (const line of all('COPY')) {
      const [, from] = /^--from=(\S+) /.exec(line) ?? []
      const sources = line
        .replace(/^--from=\S+ /, '')
        .split(' ')
        .slice(0, -1)
      if (from !== undefined) expect({ from, sources }).toEqual({ from: 'build', sources: ['/build/dist'] })
      else for (const source of sources) expect(existsSync(join(root, source)), source).toBe(true)
    }
  })

  test('sends to the build what it copies', () => {
    const left = readFileSync(join(root, '.dockerignore'), 'utf8').split('\n')
    const copied = all('COPY').flatMap((line) => line.split(' ').slice(0, -1))
    expect(copied.filter((source) => left.includes(source))).toEqual([])
  })

  test('starts the program where the bundle has it, as nobody special', () => {
    const [entry = '[]'] = all('ENTRYPOINT')
    const argv = JSON.parse(entry) as string[] // Docker's own form
    expect(argv.at(-1)).toBe('/opt/sluice/bin/sluice')
    expect(all('COPY').at(-1)).toBe('--from=build /build/dist /opt/sluice')
    expect(existsSync(program)).toBe(true)
    expect(all('USER')).toEqual(['node'])
    expect(JSON.parse(all('CMD')[0] ?? '[]')).toEqual(['run', '--data', ...all('VOLUME')])
  })
})

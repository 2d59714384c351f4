import { appendFileSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startPractice } from './main.ts'

// The detached process of client.ts: logs to a file in its folder and ends with its world.

async function runDetached(): Promise<void> {
  const { values } = parseArgs({
    options: { dir: { type: 'string' }, 'offset-ms': { type: 'string' }, 'idle-limit-ms': { type: 'string' } },
  })
  if (values.dir === undefined) throw new Error('--dir is missing')
  const { dir } = values
  const write = (level: string) => (detail: unknown, text?: string) => {
    const line = `${JSON.stringify({ at: new Date().toISOString(), level, detail, text })}\n`
    // The folder may be gone: then nobody reads it, either.
    if (existsSync(join(dir, 'practice'))) appendFileSync(join(dir, 'practice', 'log'), line)
  }
  const idle = values['idle-limit-ms']
  const log = { info: write('info'), error: write('error') }
  process.once('uncaughtExceptionMonitor', (error) => log.error({ stack: error.stack }, 'the practice world broke'))
  const world = await startPractice({
    dir,
    log,
    // Whoever asked for this world may have left, and taken the folder along.
    mayMakeFolder: false,
    offsetMs: Number(values['offset-ms'] ?? 0),
    ...(idle === undefined ? {} : { idleLimitMs: Number(idle) }),
  })
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void world.stop())
  await world.ended
}

await runDetached()

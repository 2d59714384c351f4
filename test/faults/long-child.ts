import { existsSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { silentLog } from '../../src/log.ts'
import { openStore } from '../../src/store/open.ts'
import { change, engineOn, toyStep } from '../jobs/toy.ts'

/**
 * A replica of its own process: `long-child.ts REDIS-URL WORLD`. It works until SIGTERM, then hands over. The world is a folder with a file for each effect,
 * made by whoever has it; a second one of the same name is a file of its own.
 */
const [url = '', world = ''] = process.argv.slice(2)

const fileOf = (what: string): string => path.join(world, what)
function effect(what: string): void {
  const isSecond = existsSync(fileOf(what))
  writeFileSync(fileOf(isSecond ? `${what}.again-${process.pid}-${performance.now()}` : what), '', { flag: 'wx' })
}

const act = toyStep('act', {
  done: async ({ job }) => (existsSync(fileOf(job.id)) ? { kind: 'evidence', text: 'it is so' } : undefined),
  run: async (ctx) => {
    await pause(30)
    await ctx.safePoint()
    effect(ctx.job.id)
    return { kind: 'evidence', text: 'done' }
  },
})

const store = await openStore({ url, dir: '.', log: silentLog })
const engine = engineOn({
  store,
  change: change([act], { locks: ({ args }) => [`cluster/${String(args['cluster'])}`] }),
  limits: { lockMs: 1_500, stalledMs: 300, sweepMs: 300, progressMs: 50, graceMs: 200 },
})
process.once('SIGTERM', () => {
  void engine
    .stop()
    .then(() => store.close())
    .then(() => process.exit(0))
})
await engine.start()
process.stdout.write('ready\n')

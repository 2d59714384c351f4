import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { FINAL } from '../../src/jobs/job.ts'
import { silentLog } from '../../src/log.ts'
import type { Step, StepContext } from '../../src/steps/step.ts'
import { openStore } from '../../src/store/open.ts'
import { asked, change, engineOn, toyStep } from '../jobs/toy.ts'

/**
 * A bot of its own process on the store and the world in a folder: `toy-child.ts DIR KILL-AT ROLE`. The world is a file to which every
 * effect appends its name. It kills itself with SIGKILL at the n-th journal write (odd: before it, even: after it; 0: never).
 * Roles: `plain`; `frozen` stops in front of its last effect until the file `go` exists (the test stops and continues it there).
 */
const [dir = '', killAt = '0', role = 'plain'] = process.argv.slice(2)
const world = path.join(dir, 'world')
const say = (text: string): void => void process.stdout.write(`${text}\n`)

const effects = (): readonly string[] =>
  existsSync(world) ? readFileSync(world, 'utf8').split('\n').filter(Boolean) : []
const so = (name: string) => effects().includes(name)
const effect = (name: string): void => appendFileSync(world, `${name}\n`)

const simple = (id: string, more: Partial<Step> = {}): Step =>
  toyStep(id, {
    done: async () => (so(id) ? { kind: 'evidence', text: `${id} is so` } : undefined),
    run: async () => {
      effect(id)
      return { kind: 'evidence', text: `${id} is so` }
    },
    ...more,
  })

const PODS = ['pod-0', 'pod-1', 'pod-2']
const evict = toyStep('evict', {
  done: async () => (PODS.every(so) ? { kind: 'evidence', text: 'no pods left' } : undefined),
  run: async (ctx: StepContext) => {
    for (const pod of PODS) {
      if (so(pod)) continue
      await ctx.safePoint()
      await ctx.journal.intent([{ key: pod }])
      effect(pod)
      await ctx.journal.evidence([{ key: pod }])
    }
    return { kind: 'evidence', text: 'no pods left' }
  },
})

/** Its effect would be seen twice if it happened twice: only the safe point in front of it stands in between. */
const last = simple('last', {
  run: async (ctx: StepContext) => {
    if (role === 'frozen') {
      say('here')
      while (!existsSync(path.join(dir, 'go'))) await pause(5)
      const late = await ctx.journal.intent([{ key: 'late' }]).then(
        () => 'written',
        (error: unknown) => (error instanceof Error ? error.message : ''),
      )
      say(`late ${late}`)
      const safe = await ctx.safePoint().then(
        () => 'safe',
        (error: unknown) => (error instanceof Error ? error.message : ''),
      )
      say(`point ${safe}`)
      await ctx.safePoint()
    }
    effect('last')
    return { kind: 'evidence', text: 'last is so' }
  },
})

let writes = 0
const store = await openStore({ dir, log: silentLog })
const engine = engineOn({
  store,
  change: change([simple('cordon'), evict, last]),
  limits: { lockMs: 600, stalledMs: 100, sweepMs: 100, progressMs: 20, graceMs: 200 },
  onJournalWrite: () => {
    if (++writes === Number(killAt)) process.kill(process.pid, 'SIGKILL')
  },
})
await engine.start()
const job = await engine.jobs.submit(asked({ event: 'the-only-one' }))
const ctl = new AbortController()
for await (const transition of engine.jobs.transitions('0', ctl.signal)) {
  say(`state ${transition.job} ${transition.state}`)
  if (transition.job === job && FINAL.has(transition.state)) break
}
ctl.abort()
say(`restarted with ${(await engine.jobs.get(job))?.restarted?.done ?? 'nothing to restart'}`)
// the frozen one sees that another has ended the job, and is still in its step
if (role === 'frozen') while (!existsSync(path.join(dir, 'leave'))) await pause(5)
await engine.stop()
await store.close()
writeFileSync(path.join(dir, `writes-${role}`), String(writes))
say('end')

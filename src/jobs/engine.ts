import { isRefusal } from '../errors.ts'
import { redact } from '../redact.ts'
import { keys } from '../store/keys.ts'
import type { Decision } from '../policies/policy.ts'
import type { Stop } from '../steps/step.ts'
import type { Client } from '../store/store.ts'
import { resume, retry } from './again.ts'
import { choose } from './choices.ts'
import { type Engine, type JobsDeps, LIMITS, type RunDeps } from './deps.ts'
import { readHistory } from './deeds.ts'
import { keepStop } from './halt.ts'
import { planJob, received } from './intake.ts'
import type { Answer, Jobs } from './job.ts'
import { judgePlan } from './judge.ts'
import { holders, idleState, list, withBehind } from './lookout.ts'
import { makePlan } from './plan.ts'
import { openQueues, type Queues } from './queue.ts'
import { openRecords } from './record.ts'
import { openRunner, type Runner } from './run.ts'
import { repair } from './repair.ts'
import { ALL_ROLES } from './roles.ts'
import { timer } from './timers.ts'
import { transitions } from './transitions.ts'
import { readStop, refuses, stopText, writeStop } from './stop.ts'
import { cancel, vote, withdrawRequest } from './words.ts'

const denied = (stop: Stop): Decision => ({ kind: 'deny', code: 'STOPPED', reason: stopText(stop), rules: [] })

function wordsOf(deps: RunDeps): Jobs {
  const { redis } = deps.store
  const { records } = deps
  return {
    submit: (asked) => records.create(asked, (job) => received(job, asked, deps.practice)),
    plan: async (asked, signal) => {
      const plan = await makePlan(deps, asked, signal)
      if (isRefusal(plan)) return plan
      const [decision, stop] = [await judgePlan(deps, asked, plan), await readStop(redis)]
      if (isRefusal(decision)) return decision
      const no = stop !== undefined && refuses(stop, undefined, deps.lookup(asked.command), asked.args)
      return { plan, decision: no ? denied(stop) : decision }
    },
    vote: (word) => vote(deps, word),
    choose: (word) => choose(deps, word),
    stopAll: (word) => stopAll(deps, word),
    stopped: () => readStop(redis),
    cancel: (word) => cancel(deps, word),
    withdrawRequest: (message) => withdrawRequest(deps, message),
    resume: (word) => resume(deps, word),
    retry: (word) => retry(deps, word),
    get: async (job) => withBehind(redis, await records.get(job)),
    list: (filter) => list(redis, records, filter),
    history: (filter) => readHistory(redis, filter),
    holders: (filter) => holders(redis, filter),
    transitions: (after, signal) => transitions(deps.store, after, signal),
  }
}

/** Told to every process at once; one that does not hear of it sees it with its next sweep, and at its next safe point. */
async function stopAll({ store: { redis }, clock }: RunDeps, word: Parameters<Jobs['stopAll']>[0]): Promise<Answer> {
  const { reason, ...said } = word
  const answer = await writeStop(redis, reason === undefined ? said : { ...said, reason: redact(reason) }, clock.now())
  await redis.publish(keys.stopChannel, '')
  return answer
}

/** What crashes left behind; a store that is away is no reason to stop looking. */
async function sweepAll(deps: RunDeps, queues: Queues, runner: Runner): Promise<void> {
  const warn = (error: unknown) => deps.log.warn({ err: String(error) }, 'sweep')
  await keepStop(deps, runner.halt).catch(warn)
  await queues.sweep().catch(warn)
  await repair(deps, queues).catch(warn)
}

/** A cancel, and that everything was stopped, reach the jobs that run here at once. */
async function heed(ear: Client, deps: RunDeps, runner: Runner): Promise<void> {
  const halt = () =>
    keepStop(deps, runner.halt).catch((error: unknown) => deps.log.warn({ err: String(error) }, 'stop'))
  ear.on('message', (channel, job) => (channel === keys.stopChannel ? void halt() : runner.cancel(job)))
  await ear.subscribe(keys.cancelChannel, keys.stopChannel)
}

/** The engine of jobs: words of people in, transitions out. Nothing runs before `start`. */
export function openJobs(given: JobsDeps): Engine {
  const limits = { ...LIMITS, ...given.limits }
  const { clock, log, store } = given
  const { roles = ALL_ROLES, isAlone = () => false } = given
  const queues = openQueues({ store, log, clock, limits, roles, isAlone })
  const policy = given.policyVersion ?? (() => '')
  const records = openRecords({ redis: store.redis, clock, policy, after: queues.after })
  const open: Client[] = []
  let sweeper: NodeJS.Timeout | undefined
  let handOver = () => {}
  let stopped = false

  const start = async (): Promise<void> => {
    const [patient, ear] = [store.blocking(), store.blocking()]
    open.push(patient, ear)
    const lasting = openRecords({ redis: patient, clock, policy, after: queues.after })
    const deps: RunDeps = { ...given, limits, records: lasting, patient }
    const runner = openRunner(deps)
    handOver = runner.handOver
    await heed(ear, deps, runner)
    await queues.start(
      {
        plan: (job, signal) => planJob(deps, lasting, job, signal),
        run: runner.run,
        timer: (name, data) => timer(deps, name, data),
      },
      given.processors,
    )
    const sweep = async (): Promise<void> => {
      await sweepAll(deps, queues, runner)
      if (!stopped) sweeper = setTimeout(() => void sweep(), limits.sweepMs)
    }
    await sweep()
  }
  return {
    jobs: wordsOf({ ...given, limits, records, patient: store.redis }),
    start,
    idle: async () => idleState(store.redis, await queues.reading()),
    stop: async () => {
      stopped = true
      clearTimeout(sweeper)
      handOver()
      await queues.stop()
      await given.guard?.close()
      for (const redis of open) redis.disconnect()
    },
    wake: queues.wake,
    alone: queues.alone,
  }
}

import { isRefusal, refuse } from '../errors.ts'
import { askingOf, judgePlan, unmet } from './judge.ts'
import type { Stop } from '../steps/step.ts'
import type { RunDeps } from './deps.ts'
import type { Answer, Asked, Jobs } from './job.ts'
import { asks, withNote, queued } from './moves.ts'
import { no, type Outcome, once, stateNo, yes } from './once.ts'
import { received } from './intake.ts'
import { isFinal, type JobRecord, revise, without } from './record.ts'
import { holdsBack, readStop, stoppedNo } from './stop.ts'

type Ruling = {
  readonly stop?: Stop | undefined
  readonly decision: Awaited<ReturnType<typeof judgePlan>>
  readonly configured: readonly string[]
}

/** The failed or unclear job as it goes on: its end is taken back, its journal stays. */
function reborn(now: JobRecord, by: string): JobRecord {
  const open = { revision: without(now.revision, 'result', 'offer', 'endedAtMs'), inner: without(now.inner, 'cancel') }
  return revise(open, {}, { resumedBy: by, own: [...new Set([...now.inner.own, by])] })
}

function goOn(deps: RunDeps, now: JobRecord, person: string, ruling: Ruling): Outcome {
  const { asked, job, plan, state } = now.revision
  if ((state !== 'failed' && state !== 'needs-human') || plan === undefined) {
    const next = isFinal(state) && state !== 'done' ? { next: `\`retry ${job}\` asks for the same again.` } : {}
    return no({ ...stateNo(now.revision), ...next })
  }
  if (deps.mode === 'observe') return no(refuse('OBSERVE-ONLY'))
  const { decision, stop } = ruling
  if (holdsBack(stop, now)) return no(stoppedNo(stop))
  if (isRefusal(decision)) return no(decision)
  if (decision.kind === 'deny') return no(refuse(decision.code, decision.reason))
  const again = reborn(now, person)
  const note = { what: 'resumed', by: person }
  if (decision.kind === 'allow')
    return yes(`Job ${job} goes on.`, withNote(queued(revise(again, { decision }), {}, person), note))
  const impossible = unmet(decision.needs, again.inner.own, asked, ruling.configured)
  if (impossible !== undefined) return no(impossible)
  const ask = asks(revise(again, { decision }), deps.clock.now(), {
    kind: 'approval',
    code: now.revision.code,
    text: `${person} wants to go on with: ${plan.target.sentence}`,
    needs: decision.needs,
    plan,
  })
  return yes(`Job ${job} waits for approval to go on.`, withNote(ask, note))
}

/** Continues a failed or unclear job where its journal ends; decided like the original command, for the speaker. */
export async function resume(deps: RunDeps, word: Parameters<Jobs['resume']>[0]): Promise<Answer> {
  const record = await deps.records.get(word.job)
  const plan = record?.revision.plan
  let ruling: Ruling = { decision: refuse('JOB-STATE'), configured: [] }
  if (record !== undefined && plan !== undefined) {
    const { asked } = record.revision
    const context = await deps.requestContext(askingOf(asked, word.person), plan.target)
    ruling = {
      stop: await readStop(deps.store.redis),
      decision: await judgePlan(deps, asked, plan, word.person),
      configured: isRefusal(context) ? [] : context.people.map((p) => p.name),
    }
  }
  return once(deps, word.job, word, (now) => goOn(deps, now, word.person, ruling))
}

/** A new job with the same words, asked by the speaker: planned, decided and approved from the start. */
export async function retry(deps: RunDeps, word: Parameters<Jobs['retry']>[0]): Promise<Answer> {
  const record = await deps.records.get(word.job)
  if (record === undefined) return refuse('JOB-UNKNOWN', `There is no job ${word.job}.`)
  if (!isFinal(record.revision.state)) return stateNo(record.revision)
  const asked: Asked = {
    ...without(record.revision.asked, 'message'),
    by: word.person,
    saidBy: record.revision.asked.saidBy ?? record.revision.asked.by,
    room: word.room,
    atMs: word.atMs,
    event: word.event,
  }
  const job = await deps.records.create(asked, (id) => received(id, asked, deps.practice, word.job))
  return { ok: true, text: `Job ${job} tries job ${word.job} again.` }
}

import { isRefusal, refuse } from '../errors.ts'
import { redact } from '../redact.ts'
import { keys } from '../store/keys.ts'
import { tally, withdrawn } from './approvals.ts'
import type { Words } from './audit-chain.ts'
import type { AuditVote } from './audit-entry.ts'
import type { RunDeps } from './deps.ts'
import type { Answer, Jobs, Question, Vote } from './job.ts'
import { mayAsk } from './judge.ts'
import { applied, ended, failedAtGate, withNote, queued, refused, reopened } from './moves.ts'
import { no, type Outcome, once, stateNo, yes } from './once.ts'
import { toType, untyped } from './typed.ts'
import { isFinal, type JobRecord, type Mutation, revise } from './record.ts'

type VoteWord = Parameters<Jobs['vote']>[0]

/** A vote as the audit log has it: its reason is the person's words, and stays out of the chain. */
const counted = ({ person, choice, atMs, event }: Vote): AuditVote => ({ person, choice, atMs, event })
const reasoned = (by: string, text: string | undefined): { readonly words?: Words } =>
  text === undefined ? {} : { words: { by, text } }
/** What a ballot did, with the votes as they stand after it. */
const voted = (mutation: Mutation, { votes }: Question, word: VoteWord): Mutation => ({
  ...mutation,
  audit: {
    ...(mutation.audit ?? { what: `vote ${word.choice}`, by: word.person }),
    ...reasoned(word.person, word.reason),
    votes: votes.map(counted),
  },
})

/** The answer to a question that was approved. */
export function approved(now: JobRecord, question: Question, by: string, atMs: number): Mutation {
  const voters = question.votes.filter((v) => v.choice === 'approve')
  const confirmedBy = question.typed?.by === undefined ? {} : { confirmedBy: question.typed.by }
  const inner = { approvals: voters, answered: question, ...confirmedBy }
  const base = revise(now, { approvedBy: voters.map((v) => v.person) }, inner)
  const proposed = now.inner.proposed
  const choice = now.inner.gate?.choices.find((c) => c.word === proposed?.word)
  return proposed !== undefined && choice !== undefined
    ? applied(base, choice, proposed.by, atMs)
    : queued(base, {}, by)
}

/** The sentence that offers back what was changed. */
export function offer(deps: Pick<RunDeps, 'lookup'>, now: JobRecord): string | undefined {
  const { asked, plan } = now.revision
  return plan === undefined ? undefined : deps.lookup(asked.command)?.offer?.(plan.target)
}

/** Denied before the first effect: refused. After it the job has failed, and what it changed is offered back. */
function denied(deps: RunDeps, now: JobRecord, { person: by, reason }: VoteWord): Mutation {
  const text = `${by} said no${reason === undefined ? '' : `: ${reason}`}.`
  const atMs = deps.clock.now()
  const note = { ...reasoned(by, reason), votes: now.revision.question?.votes.map(counted) ?? [] }
  if (!now.inner.started) return refused(now, atMs, refuse('APPROVAL-DENIED', text), by, note)
  return failedAtGate(now, atMs, 'APPROVAL-DENIED', text, offer(deps, now), { by, note })
}

function takeBack(now: JobRecord, word: VoteWord): Outcome {
  const question = now.inner.answered
  const { state } = now.revision
  const vote = question?.votes.find((v) => v.person === word.person)
  const early = (state === 'queued' || state === 'running') && !now.inner.started
  if (!early || question === undefined || vote === undefined) return no(refuse('VOTE-CLOSED'))
  if (word.question !== undefined && word.question !== question.id) return no(refuse('VOTE-OLD'))
  if (vote.atMs > word.atMs) return no(refuse('VOTE-OLD', 'You voted again after this.'))
  const left = withdrawn(question, word.person, word.atMs)
  return yes('Your vote is taken back; the job waits again.', voted(reopened(now, left, word.person), left, word))
}

function confirmed(deps: RunDeps, now: JobRecord, question: Question, word: VoteWord, allowed: boolean): Outcome {
  if (!allowed) return no(refuse('VOTE-NOT-ELIGIBLE'))
  if (word.choice === 'withdraw') return no(refuse('VOTE-CLOSED'))
  const { person, choice, event, atMs } = word
  const next = { ...question, votes: [{ person, choice, event, atMs }] }
  if (choice === 'deny') return yes('Counted: no.', denied(deps, revise(now, { question: next }), word))
  const go = approved(revise(now, { question: next }), next, person, deps.clock.now())
  return yes('Confirmed.', voted(go, next, word))
}

function ballot(deps: RunDeps, now: JobRecord, word: VoteWord, allowed: boolean): Outcome {
  const { question, state } = now.revision
  if (state !== 'waiting' || question === undefined)
    return word.choice === 'withdraw' ? takeBack(now, word) : no(refuse('VOTE-CLOSED'))
  if (word.question !== undefined && word.question !== question.id) return no(refuse('VOTE-OLD'))
  if (question.kind === 'gate')
    return no(
      refuse('JOB-STATE', `Job ${word.job} asks for one of: ${question.choices.map((c) => c.word).join(', ')}.`),
    )
  if (deps.clock.now() >= question.expiresAtMs) return no(refuse('VOTE-CLOSED', 'The question has expired.'))
  if (question.kind === 'confirm') return confirmed(deps, now, question, word, allowed)
  const told = tally(question, word, now.inner.own, deps.clock.now())
  if (isRefusal(told)) return no(told)
  const next = revise(now, { question: told.question })
  if (told.refused !== undefined) return { answer: told.refused, mutation: { record: next } }
  if (told.outcome === 'denied') return yes(told.text, denied(deps, next, word))
  if (told.outcome === 'approved' && untyped(told.question)) {
    const text = `Counted. ${now.revision.asked.by} still has to type \`${toType(word.job, question)}\`; until then it does not start.`
    return yes(text, voted({ record: next }, told.question, word))
  }
  const mutation =
    told.outcome === 'approved' ? approved(next, told.question, word.person, deps.clock.now()) : { record: next }
  return yes(told.text, voted(mutation, told.question, word))
}

export async function vote(deps: RunDeps, given: VoteWord): Promise<Answer> {
  const word: VoteWord = given.reason === undefined ? given : { ...given, reason: redact(given.reason) }
  const record = await deps.records.get(word.job)
  const confirm = record?.revision.question?.kind === 'confirm'
  const allowed = confirm && (await mayAsk(deps, record.revision.asked, record.revision.plan, word.person))
  return once(deps, word.job, word, (now) => ballot(deps, now, word, allowed))
}

/** The asker, or whoever policy lets ask or approve that job. */
async function mayCancel(deps: RunDeps, record: JobRecord, person: string): Promise<boolean> {
  const { asked, decision, plan, question } = record.revision
  if (record.inner.own.includes(person) || question?.needs.from.includes(person)) return true
  if (decision?.kind === 'needs' && decision.needs.from.includes(person)) return true
  return mayAsk(deps, asked, plan, person)
}

function stop(deps: RunDeps, now: JobRecord, by: string, reason: string | undefined): Outcome {
  const { state, job } = now.revision
  if (isFinal(state)) return no(stateNo(now.revision))
  const cancel = { by, ...(reason === undefined ? {} : { reason }) }
  if (now.inner.cancel !== undefined) return yes(`Job ${job} is being cancelled already.`)
  if (state === 'running')
    return yes(`Job ${job} stops at its next safe point.`, {
      record: revise(now, {}, { cancel }),
      audit: { what: 'cancel asked', by, ...reasoned(by, reason) },
    })
  const note = { what: 'cancel asked', by, ...reasoned(by, reason) }
  if (now.inner.started) return yes(`Job ${job} is being cancelled.`, withNote(queued(now, { cancel }, by), note))
  const text = `Cancelled by ${by}${reason === undefined ? '' : `: ${reason}`}. Nothing was changed.`
  return yes(
    `Job ${job} is cancelled; nothing was changed.`,
    ended(now, deps.clock.now(), {
      state: 'cancelled',
      code: 'CANCELLED',
      result: { text, details: [] },
      by,
      note: reasoned(by, reason),
    }),
  )
}

export async function cancel(deps: RunDeps, word: Parameters<Jobs['cancel']>[0]): Promise<Answer> {
  const record = await deps.records.get(word.job)
  const may = record === undefined || (await mayCancel(deps, record, word.person))
  const reason = word.reason === undefined ? undefined : redact(word.reason)
  return once(deps, word.job, word, (now) =>
    may
      ? stop(deps, now, word.person, reason)
      : no(refuse('POLICY-DENIED', 'Only the asker, or somebody who may ask or approve this job, can cancel it.')),
  )
}

/** The asking message was deleted: cancels while nothing has been decided yet, and no later. */
export async function withdrawRequest(deps: RunDeps, message: string): Promise<void> {
  const job = await deps.store.redis.get(keys.askedBy(message))
  if (job === null) return
  await deps.records.commit(job, (now) => {
    const { asked, state } = now.revision
    if (now.inner.started || !['received', 'planned', 'waiting'].includes(state)) return undefined
    const result = { text: `${asked.by} deleted the request. Nothing was changed.`, details: [] }
    return ended(now, deps.clock.now(), { state: 'cancelled', code: 'CANCELLED', result, by: asked.by })
  })
}

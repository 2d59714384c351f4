import { type Refusal, refuse } from '../errors.ts'
import type { Question, Vote } from './job.ts'

export type Ballot = {
  readonly person: string
  readonly choice: 'approve' | 'deny' | 'withdraw'
  readonly event: string
  readonly atMs: number
  readonly reason?: string
}
export type Tally = {
  readonly question: Question
  readonly outcome: 'open' | 'approved' | 'denied'
  readonly text: string
  /** There was nothing to take back; that it was tried counts all the same. */
  readonly refused?: Refusal
}

/** The question without the person's vote, and remembering when it went. */
export const withdrawn = (question: Question, person: string, atMs: number): Question => ({
  ...question,
  votes: question.votes.filter((v) => v.person !== person),
  taken: [...(question.taken ?? []).filter((t) => t.person !== person), { person, atMs }],
})

/**
 * Counts one ballot: one vote per person, the newest of a person counts, the people in `own` never do, only those in `needs.from` do,
 * `denyCount` vetoes refuse. Pure; `nowMs` decides whether the question is still open.
 */
export function tally(question: Question, ballot: Ballot, own: readonly string[], nowMs: number): Tally | Refusal {
  const { needs } = question
  if (nowMs >= question.expiresAtMs) return refuse('VOTE-CLOSED', 'The question has expired.')
  if (own.includes(ballot.person)) return refuse('VOTE-OWN')
  if (!needs.from.includes(ballot.person))
    return refuse('VOTE-NOT-ELIGIBLE', undefined, {
      details: [`May approve: ${needs.from.filter((n) => !own.includes(n)).join(', ')}`],
    })
  const mine = question.votes.find((v) => v.person === ballot.person)
  // an older event must not overturn what its person said later (events of two rooms may overtake each other)
  if (mine !== undefined && mine.atMs > ballot.atMs) return refuse('VOTE-OLD', 'You voted again after this.')
  const back = question.taken?.find((t) => t.person === ballot.person)
  if (back !== undefined && back.atMs > ballot.atMs) return refuse('VOTE-OLD', 'You took your vote back after this.')
  const others = question.votes.filter((v) => v.person !== ballot.person)
  if (ballot.choice === 'withdraw') {
    const refused = refuse('VOTE-CLOSED', 'You have no vote to take back.')
    return {
      question: withdrawn(question, ballot.person, ballot.atMs),
      outcome: 'open',
      text: 'Your vote is taken back.',
      ...(mine === undefined ? { refused } : {}),
    }
  }
  const { person, choice, event, atMs, reason } = ballot
  const vote: Vote = { person, choice, event, atMs, ...(reason === undefined ? {} : { reason }) }
  const votes = [...others, vote]
  const count = (which: Vote['choice']): number => votes.filter((v) => v.choice === which).length
  const next = { ...question, votes }
  if (count('deny') >= needs.denyCount) return { question: next, outcome: 'denied', text: 'Counted: denied.' }
  if (count('approve') >= needs.approvals) return { question: next, outcome: 'approved', text: 'Counted: approved.' }
  const missing =
    choice === 'approve'
      ? `${needs.approvals - count('approve')} more approval(s) needed`
      : `${needs.denyCount - count('deny')} more to refuse it`
  return { question: next, outcome: 'open', text: `Counted: ${missing}.` }
}

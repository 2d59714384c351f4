import { refuse } from '../errors.ts'
import type { Needs } from '../policies/policy.ts'
import type { Plan, Question } from './job.ts'
import { no, type Outcome, yes } from './once.ts'
import { type JobRecord, type Mutation, revise } from './record.ts'

/** The word the asker has to type once where policy wants that (SR12): the node's name, or the cluster's where it is not one node. */
export const typedFor = (needs: Needs, { target }: Plan): { readonly typed?: { readonly word: string } } =>
  needs.confirm === 'typed'
    ? { typed: { word: target.nodes.length === 1 ? (target.nodes[0]?.name ?? target.cluster) : target.cluster } }
    : {}

/** True while the word has not been typed: approvals alone do not let it start. */
export const untyped = ({ typed }: Question): boolean => typed !== undefined && typed.by === undefined

export const toType = (job: string, { typed }: Question): string => `job ${job} ${typed?.word ?? ''}`

type Word = {
  readonly question?: string
  readonly word: string
  readonly person: string
}

/** The typed word: only of who asks for it (an approver cannot confirm for him), and only the word itself. `start` = what enough approvals do. */
export function typeWord(
  now: JobRecord,
  question: Question,
  { word, person, question: meant }: Word,
  start: (now: JobRecord, question: Question) => Mutation,
  nowMs: number,
): Outcome {
  const { job, asked } = now.revision
  if (meant !== undefined && meant !== question.id) return no(refuse('VOTE-OLD'))
  if (nowMs >= question.expiresAtMs) return no(refuse('VOTE-CLOSED', 'The question has expired.'))
  const { typed, needs, votes } = question
  if (word !== typed?.word)
    return no(refuse('BUTTON-UNKNOWN', `Job ${job} is confirmed by \`${toType(job, question)}\`.`))
  if (!now.inner.own.includes(person))
    return no(refuse('VOTE-NOT-ELIGIBLE', `Only who asked for it can confirm it so: ${asked.by}.`))
  const next: Question = { ...question, typed: { word: typed.word, by: person } }
  const missing = needs.approvals - votes.filter((v) => v.choice === 'approve').length
  const record = revise(now, { question: next })
  if (missing <= 0) return yes('Confirmed.', start(record, next))
  return yes(`Confirmed: ${missing} more approval(s) needed.`, {
    record,
    audit: { what: 'typed', by: person, text: word },
  })
}

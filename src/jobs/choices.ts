import { isRefusal, type Refusal, refuse } from '../errors.ts'
import type { Decision } from '../policies/policy.ts'
import type { Choice } from '../steps/step.ts'
import type { RunDeps } from './deps.ts'
import type { Answer, Jobs } from './job.ts'
import { askingOf, judge, unmet } from './judge.ts'
import { applied, asks, withNote } from './moves.ts'
import { no, type Outcome, once, yes } from './once.ts'
import type { JobRecord } from './record.ts'
import { typeWord } from './typed.ts'
import { approved } from './words.ts'

type Word = Parameters<Jobs['choose']>[0]

/** The choice a word means on the job's newest question, or why there is none. */
function find(now: JobRecord, word: Word): Choice | Refusal {
  const { job, question, state } = now.revision
  if (state !== 'waiting' || question?.kind !== 'gate')
    return refuse('BUTTON-UNKNOWN', `Job ${job} asks nothing like that now.`)
  if (word.question !== undefined && word.question !== question.id) return refuse('VOTE-OLD')
  const choice = now.inner.gate?.choices.find((c) => c.word === word.word)
  return (
    choice ?? refuse('BUTTON-UNKNOWN', `Job ${job} asks for one of: ${question.choices.map((c) => c.word).join(', ')}.`)
  )
}

type Ruling = { readonly decision: Decision | Refusal; readonly configured: readonly string[] }

async function rule(deps: RunDeps, record: JobRecord, choice: Choice, person: string): Promise<Ruling> {
  const { asked, plan } = record.revision
  const asking = askingOf(asked, person)
  const context = await deps.requestContext(asking, plan?.target)
  const decision = await judge(deps, { asking, target: plan?.target, risk: choice.risk, facts: plan?.facts ?? {} })
  return { decision, configured: isRefusal(context) ? [] : context.people.map((p) => p.name) }
}

function decide(deps: RunDeps, now: JobRecord, word: Word, ruling: Ruling): Outcome {
  const { plan, question, state } = now.revision
  const atMs = deps.clock.now()
  if (state === 'waiting' && question?.typed !== undefined)
    return typeWord(now, question, word, (ready, typed) => approved(ready, typed, word.person, atMs), atMs)
  const choice = find(now, word)
  if (isRefusal(choice)) return no(choice)
  if (plan === undefined || question === undefined) return no(refuse('BUTTON-UNKNOWN'))
  if (choice.effect === 'show') return yes([question.text, ...question.details].join('\n'))
  const { decision } = ruling
  if (isRefusal(decision)) return no(decision)
  if (decision.kind === 'deny') return no(refuse(decision.code, decision.reason))
  const note = { what: `chose ${choice.word}`, by: word.person, decision }
  if (decision.kind === 'allow') return yes(`${choice.label}.`, withNote(applied(now, choice, word.person, atMs), note))
  const own = [...new Set([...now.inner.own, word.person])]
  const impossible = unmet(decision.needs, own, now.revision.asked, ruling.configured)
  if (impossible !== undefined) return no(impossible)
  const text = `${word.person} wants: ${choice.label}. ${question.text}`
  const { gate } = now.inner
  const ask = asks(
    now,
    atMs,
    {
      kind: 'approval',
      code: question.code,
      text,
      details: question.details,
      needs: decision.needs,
      plan,
      ...(gate === undefined ? {} : { gate }),
      choices: [],
    },
    { proposed: { word: choice.word, by: word.person }, own },
  )
  return yes('It needs the approval of somebody else.', withNote(ask, note))
}

/** A gate's word: decided by policy for whoever says it, with the risk of the choice. Or the word an approval wants typed. */
export async function choose(deps: RunDeps, word: Word): Promise<Answer> {
  const record = await deps.records.get(word.job)
  const choice = record === undefined ? undefined : find(record, word)
  const ruling: Ruling =
    record === undefined || choice === undefined || isRefusal(choice)
      ? { decision: refuse('BUTTON-UNKNOWN'), configured: [] }
      : await rule(deps, record, choice, word.person)
  return once(deps, word.job, word, (now) => decide(deps, now, word, ruling))
}

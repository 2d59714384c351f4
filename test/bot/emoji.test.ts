import { expect, test } from 'vitest'
import { card, endLine, refusal, type View } from '../../src/bot/cards.ts'
import { closedQuestion, questionCard } from '../../src/bot/question-card.ts'
import { approvals } from '../../src/commands/approvals.ts'
import { help } from '../../src/commands/help.ts'
import { COMMANDS } from '../../src/commands/registry.ts'
import { job } from '../../src/commands/job.ts'
import { jobs } from '../../src/commands/jobs.ts'
import { why } from '../../src/commands/why.ts'
import { type Code, ERRORS, isRefusal, refuse } from '../../src/errors.ts'
import { type Question, type Revision, SIGNS, STATES, type StepView } from '../../src/jobs/job.ts'
import { flat, type Message, plain } from '../../src/message.ts'
import { corpus as examples } from './corpus.ts'
import { amal, ask, NOW, question, revision, waiting, world } from '../commands/jobs-by-hand.ts'

const view: View = { nowMs: NOW, timeZone: 'Europe/Zurich', practice: true }
const steps: readonly StepView[] = (['pending', 'running', 'done', 'failed', 'skipped'] as const).flatMap((mark) => [
  { id: mark, title: `cordon ${mark}`, mark },
  { id: `${mark}+`, title: 'evict', mark, note: 'PDB web' },
])
const votes: Question['votes'] = (['approve', 'deny'] as const).map((choice) => ({
  person: 'fran',
  choice,
  atMs: NOW,
  event: choice,
}))
const everyState: readonly Revision[] = STATES.map((state) =>
  revision('17', {
    state,
    question: { ...question, votes },
    steps,
    code: state === 'failed' ? 'DRAIN-PDB' : null,
    result: { text: 'A budget blocks.', details: ['server23 stays cordoned'], next: 'Wait.' },
    offer: 'uncordon server23 on p10',
  }),
)
const gate: Question = {
  ...question,
  kind: 'gate',
  choices: [{ word: 'longer', label: 'Wait longer', risk: 'disruptive' }],
}

/** All that Sluice says about jobs, what it refuses, and what it answers. */
async function corpus(): Promise<readonly Message[]> {
  const here = world([...everyState, waiting], { decide: () => ({ kind: 'needs', needs: question.needs, rules: [] }) })
  const topics = COMMANDS.filter((c) => !c.name.startsWith('plan ')).map((c) => ({ topic: c.name }))
  const answers = await Promise.all([
    ...[{}, ...topics].map((args) => ask(help, args, here)),
    ask(help, {}, here, amal, 'p10'),
    ask(jobs, {}, here),
    ask(job, { job: '17' }, here),
    ask(why, { job: '17' }, here),
    ask(approvals, {}, here),
  ])
  // the keys of the table are its codes
  const codes = Object.keys(ERRORS) as Code[]
  return [
    ...everyState.flatMap((r) => [card(r, view), endLine(r)]),
    ...[{ ...question, votes }, gate].flatMap((q) => [
      questionCard(waiting, q, view),
      closedQuestion(waiting, q, view),
      closedQuestion(waiting, { ...q, votes }, view),
    ]),
    ...codes.map((code) => refusal(refuse(code))),
    ...answers.map((a) => (isRefusal(a) ? refusal(a) : a)),
    // people write as they like
    ...(await examples()).flatMap((e) => (e.name === 'foreign' ? [] : [e.message])),
  ]
}

const SIGN = /[\p{Extended_Pictographic}✘▸]\ufe0f?|[1-9]\ufe0f\u20e3/gu
/** What a sign says, its words say too. */
const MEANS: Readonly<Record<string, RegExp>> = {
  '✅': /^ (?:approves|yes from \w|on its)/,
  '❌': /^ (?:says no|no from \w|on its)/,
  ...Object.fromEntries(Object.values(SIGNS).map(({ mark, words }) => [mark, new RegExp(`^ .*\\b${words}`)])),
}

test('no emoji is the only one to say something: words follow it that say the same', async () => {
  const lines = (await corpus()).flatMap((message) => [
    ...plain(message).split('\n'),
    ...(message.buttons ?? []).map((b) => b.label),
  ])
  const signs = lines.flatMap((line) => [...line.matchAll(SIGN)].map((m) => ({ line, sign: m[0], at: m.index })))
  expect(new Set(signs.map((s) => s.sign)).size).toBeGreaterThan(10)
  for (const { line, sign, at } of signs) {
    const after = line.slice(at + sign.length)
    expect(after, line).toMatch(MEANS[sign] ?? /^ [\p{L}\p{N}#@`"]/u)
  }
})

test('a step says in words how it ended', () => {
  const [first] = everyState
  const said = first === undefined ? '' : plain(card(first, view))
  for (const word of ['(running)', '(done)', '(failed): PDB web', '(skipped)']) expect(said).toContain(word)
})

test('nobody is mentioned but who must act, and the asker at the end', () => {
  for (const r of everyState) {
    expect(card(r, view).mention).toBeUndefined()
    expect(closedQuestion(r, { ...question, votes }, view).mention).toBeUndefined()
    expect(endLine(r).mention).toEqual(['nico'])
    expect(flat(endLine(r).blocks.flatMap((b) => (b.kind === 'note' ? b.text : [])))).toContain('@nico')
  }
  expect(questionCard(waiting, question, view).mention).toEqual(['fran'])
})

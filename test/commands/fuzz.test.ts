import fc from 'fast-check'
import { expect, test, vi } from 'vitest'
import { compilePhrase } from '../../src/commands/grammar/phrases.ts'
import { COMMANDS } from '../../src/commands/registry.ts'
import { KNOWN } from '../../src/commands/not-yet.ts'
import { inventory } from './inventory.ts'
import { understand } from './understood.ts'

// 100,000 sentences take their time on a busy machine: the limit is for what hangs
vi.setConfig({ testTimeout: 300_000 })

const vocabulary = [...COMMANDS, ...KNOWN].flatMap((c) =>
  [...c.phrases, ...(c.options ?? [])].flatMap((p) =>
    compilePhrase(p).states.flatMap((s) => (s.kind === 'word' ? [...s.words] : [])),
  ),
)
const names = inventory.clusters.flatMap((c) => [c.name, c.fqdn, ...c.nodes.map((n) => n.name)])
const extras = [
  'server22-24',
  'server[22-23]',
  '23',
  '#1234',
  '10m',
  'on',
  'in',
  'and',
  ',',
  '\n',
  ';',
  '?',
  '!',
  'please',
  'can you',
  'thx 🙏',
  'because',
  '"quoted text"',
  '—force',
  '--timeout=5m',
  'all',
  'nodes',
  'that are cordoned',
  'except',
  'tomorrow',
  'at 6',
  '{',
  '}',
  '[',
  '<@U1>',
  '`',
  '“',
  '((',
  '.*',
  '%s',
  '\\',
  '\u0000',
  '\u202e',
  '💥',
  '´',
  'ß',
  '2a0a-e5c0',
  '999999999999',
  '-',
  '--',
  'job 17',
  '17',
  '<https://x/issues/1>',
]
const CHANGES = [
  'drain server23 on p10',
  'drain server23',
  'cordon server23 on p10',
  'uncordon server23',
  'evacuate server23 aggressively',
  'put server23 back',
  'server23 drainen',
  'make server23 unschedulable',
  'drain all workers on p10 that are cordoned',
  'p10 drain server22-24',
  'kubectl drain server23 --force',
]
const NEGATIONS = [
  "don't",
  'don’t',
  'do not',
  'never',
  'please do not',
  'nicht',
  'not',
  'niemals',
  'you should not',
  'no, never',
]
const QUESTIONS = [
  'should we',
  'can I',
  'may I',
  'what happens if I',
  'what happens if we',
  'is it safe to',
  'should I',
  'hey, can we',
  'sollen wir',
  'darf ich',
]

const word = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...vocabulary) },
  { weight: 5, arbitrary: fc.constantFrom(...names) },
  { weight: 4, arbitrary: fc.constantFrom(...extras) },
  { weight: 1, arbitrary: fc.string({ maxLength: 12, unit: 'binary' }) },
)
const noise = fc.array(word, { maxLength: 10 }).map((words) => words.join(' '))
const manners = fc.constantFrom('', 'please ', 'hey @sluice ', 'pls ', 'bitte ')
const tail = fc.constantFrom('', ' please', ' thx 🙏', ' on p10', ' #1234', '!', ' now', ' aggressively')

const risky = (text: string): readonly string[] => {
  const understood = understand(text)
  return understood.result === 'command'
    ? understood.commands.filter((c) => c.risk !== 'read').map((c) => c.command)
    : []
}

const RUNS = Number(process.env['FUZZ_RUNS'] ?? 20_000)

test('no sentence makes it throw, and what it answers has its parts', () => {
  fc.assert(
    fc.property(noise, (text) => {
      const understood = understand(text)
      if (understood.result === 'command')
        return understood.commands.length > 0 && understood.commands.every((c) => c.command !== '')
      return understood.result === 'ignore' || (understood.message !== '' && understood.code !== 'INTERNAL')
    }),
    { numRuns: RUNS },
  )
})

test('a negated sentence never does anything', () => {
  fc.assert(
    fc.property(
      manners,
      fc.constantFrom(...NEGATIONS),
      fc.constantFrom(...CHANGES),
      tail,
      (polite, negation, change, end) => risky(`${polite}${negation} ${change}${end}`).length === 0,
    ),
    { numRuns: RUNS },
  )
})

test('a negation or a question in front of anything never does anything', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...NEGATIONS, ...QUESTIONS),
      noise,
      fc.constantFrom(...CHANGES, ''),
      noise,
      (front, before, change, after) => {
        // a line of its own is a sentence of its own; quotation marks make what stands in them a text
        const text = `${front} ${before} ${change} ${after}`.replaceAll(/[\n;"“”„«»]/g, ' ')
        return risky(text).length === 0
      },
    ),
    { numRuns: RUNS },
  )
})

test('a negation anywhere in a change stops it', () => {
  // `that are not cordoned` is a phrase of its own: there the negation means the nodes
  const changes = CHANGES.filter((change) => !change.includes('that are'))
  fc.assert(
    fc.property(
      fc.constantFrom(...NEGATIONS),
      fc.constantFrom(...changes),
      fc.nat(),
      tail,
      (negation, change, place, end) => {
        const words = change.split(' ')
        const text = words.toSpliced(place % (words.length + 1), 0, negation).join(' ')
        return risky(text + end).length === 0
      },
    ),
    { numRuns: RUNS },
  )
})

test('a question never does anything', () => {
  fc.assert(
    fc.property(
      manners,
      fc.constantFrom(...QUESTIONS),
      fc.constantFrom(...CHANGES),
      tail,
      fc.constantFrom('', '?'),
      (polite, question, change, end, mark) => risky(`${polite}${question} ${change}${end}${mark}`).length === 0,
    ),
    { numRuns: RUNS },
  )
})

test('the changes of the properties are changes when nothing stands in front', () => {
  for (const change of CHANGES) expect(risky(change), change).toHaveLength(1)
})

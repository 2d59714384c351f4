import fc from 'fast-check'
import type { Block, Message, Span, Text } from '../../src/message.ts'

const nasty = fc.constantFrom(
  '<b>',
  '</pre>',
  '&amp;',
  '```',
  '<!channel>',
  '<@U0FRAN>',
  '@room',
  '"',
  "'",
  '\n',
  '🙂',
  '|',
  '*x*',
  '\u0000',
  '\u202e',
  '&',
)
const anyText: fc.Arbitrary<string> = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 200 }),
  fc.array(nasty, { maxLength: 30 }).map((parts) => parts.join('')),
  fc
    .tuple(fc.constantFrom('x', '🙂', '&', 'ä\n', '<'), fc.integer({ min: 0, max: 9000 }))
    .map(([unit, n]) => unit.repeat(n)),
)
const person = fc.constantFrom('fran', 'nico', '<b>', 'constructor', '__proto__')
const span: fc.Arbitrary<Span> = fc.oneof(
  anyText,
  anyText.map((code) => ({ code })),
  anyText.map((bold) => ({ bold })),
  fc.record({ link: anyText, url: fc.oneof(fc.webUrl(), anyText, fc.constant('javascript:alert(1)')) }),
  person.map((name) => ({ person: name })),
  fc.record({ time: fc.integer({ min: 0, max: 4_102_444_800_000 }), shown: anyText }),
)
const text: fc.Arbitrary<Text> = fc.oneof(anyText, fc.array(span, { maxLength: 5 }))
const block: fc.Arbitrary<Block> = fc.oneof(
  fc.record({ kind: fc.constant('heading' as const), text }),
  fc.record({ kind: fc.constant('text' as const), text }),
  fc.record({
    kind: fc.constant('note' as const),
    text,
    tone: fc.constantFrom('info', 'ok', 'warn', 'error', 'practice'),
  }),
  fc.record({ kind: fc.constant('list' as const), items: fc.array(text, { maxLength: 8 }) }),
  fc.record({ kind: fc.constant('fields' as const), rows: fc.array(fc.tuple(anyText, text), { maxLength: 5 }) }),
  fc.record({
    kind: fc.constant('table' as const),
    columns: fc.array(anyText, { maxLength: 4 }),
    rows: fc.array(fc.array(anyText, { maxLength: 4 }), { maxLength: 8 }),
  }),
  fc.record({ kind: fc.constant('code' as const), text: anyText }),
  fc.record({
    kind: fc.constant('steps' as const),
    items: fc.array(
      fc.record({
        title: anyText,
        mark: fc.constantFrom('pending', 'running', 'done', 'failed', 'skipped'),
        note: anyText,
      }),
      { maxLength: 5 },
    ),
  }),
)

/** Any message tree, with texts that try to be markup, are very long, or hold half characters. */
export const anyMessage: fc.Arbitrary<Message> = fc.record({
  blocks: fc.array(block, { maxLength: 12 }),
  buttons: fc.uniqueArray(fc.record({ id: fc.string({ minLength: 1, maxLength: 40 }), label: anyText }), {
    maxLength: 30,
    selector: (b) => b.id,
  }),
  mention: fc.array(person, { maxLength: 3 }),
})

import { z } from 'zod'
import type { Command, Phrase } from '../src/commands/command.ts'
import type { Known } from '../src/commands/grammar.ts'
import { groupOf } from '../src/commands/help.ts'
import { SIGNS, STATES } from '../src/jobs/job.ts'
import type { ERRORS } from '../src/errors.ts'

const say = (phrase: Phrase): string => (typeof phrase === 'string' ? phrase : phrase.say)
/** A pipe would end the cell of a table. */
const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ')

const property = z.object({
  type: z.union([z.string(), z.array(z.string())]).optional(),
  enum: z.array(z.string()).optional(),
  description: z.string().optional(),
  items: z.object({ type: z.string().optional() }).optional(),
})
const schema = z.object({
  properties: z.record(z.string(), property).optional(),
  required: z.array(z.string()).optional(),
})

function kindOf(p: z.infer<typeof property>): string {
  if (p.enum !== undefined) return p.enum.join(' or ')
  if (p.type === 'array') return `list of ${p.items?.type ?? 'value'}s`
  return p.type === undefined ? 'value' : [p.type].flat().join(' or ')
}

function argRows(command: Command): readonly string[] {
  const { properties = {}, required = [] } = schema.parse(z.toJSONSchema(command.args, { unrepresentable: 'any' }))
  const rows = Object.entries(properties).map(
    ([name, p]) => `| \`${name}\` | ${cell(kindOf(p))} | ${required.includes(name) ? 'needed' : ''} |`,
  )
  return rows.length === 0 ? [] : ['', '| argument | is | |', '|---|---|---|', ...rows]
}

const section = (command: Command): readonly string[] => [
  '',
  `### ${command.name}`,
  '',
  `${command.summary}.`,
  '',
  '```',
  ...command.examples,
  '```',
  ...argRows(command),
  '',
  `Said as: ${command.phrases.map((p) => `\`${say(p)}\``).join(', ')}.`,
  ...((command.options ?? []).length === 0
    ? []
    : ['', `Anywhere in it: ${(command.options ?? []).map((p) => `\`${say(p)}\``).join(', ')}.`]),
  ...(command.manual ?? []).map((line, i) => `${i === 0 ? '\n' : ''}- ${line}`),
]

/** What holds for every command. */
const MANNERS = [
  '## How it talks',
  '',
  'One reaction under the message that asked says where it stands:',
  '',
  '| reaction | state |',
  '|---|---|',
  ...[...Map.groupBy(STATES, (state) => SIGNS[state].mark)].map(
    ([mark, states]) => `| ${mark} | ${[...new Set(states.map((state) => SIGNS[state].words))].join(', ')} |`,
  ),
  '',
  '- A part that is missing is asked for once, with what it could be. Answer with the number, the name, the missing words, a reaction (1️⃣ 2️⃣ ...) or a button, within',
  '  ten minutes; only who was asked can. A whole command is a new command, and replaces the question.',
  '- A change that was asked for while Sluice was away, and is older than five minutes, is offered instead of done (`yes`, or a reaction). What only asks is answered up to an',
  '  hour later. Votes, `cancel` and `stop all` count whenever they were sent.',
  '- `approve`, `deny`, and a typed ✅ (approve) or ❌ (deny) without a number are for the one question that is open in the room; with several it is asked which.',
  '- More than 20 requests of one person in a minute are not taken. Votes always count.',
  '- Times are in your own zone where only you read, or where the platform can; else in the configured zone, with its name.',
  '- An answer of more than a screen comes in short, with the whole as a file.',
]

const isPlan = (command: Command): boolean => command.name.startsWith('plan ')

/** docs/commands.md, made from the commands themselves and the catalogue of what does not exist yet. */
export function commandsMarkdown(commands: readonly Command[], known: readonly Known[]): string {
  const written = commands.filter((c) => !isPlan(c))
  const groups = ['Look', 'Change', 'Jobs'].flatMap((group) => [
    '',
    `## ${group}`,
    ...written.filter((c) => groupOf(c) === group).flatMap(section),
  ])
  const later = known
    .filter((k) => k.code === 'NOT-YET')
    .map((k) => `| ${k.name} | ${cell(k.sentence.replace(/^`[^`]*` does not exist yet\. /, ''))} |`)
  return [
    '<!-- Made by scripts/docs.ts from the definitions. -->',
    '# Commands',
    '',
    'In a phrase `a|b` is either word, `[x]` may be left out, `{x}` is an argument. The cluster may stand anywhere (`on p10`, `p10`), so may a ticket (`#1234`).',
    '`plan` in front of a change, a question (`can I drain server23?`) or `--dry-run` gives `plan <command>` with the same arguments: it reads and changes nothing.',
    ...groups,
    '',
    ...MANNERS,
    '',
    '## Not yet',
    '',
    'Understood, and refused with NOT-YET.',
    '',
    '| operation | |',
    '|---|---|',
    ...later,
    '',
  ].join('\n')
}

/** docs/errors.md, made from the table of codes. */
export const errorsMarkdown = (errors: typeof ERRORS): string =>
  [
    '<!-- Made by scripts/docs.ts from src/errors.ts. -->',
    '# Codes',
    '',
    'Every refusal, wait and failure carries one of these. A code never changes its meaning.',
    '',
    '| code | what it means | what to do next |',
    '|---|---|---|',
    ...Object.entries(errors).map(
      ([code, { sentence, advice }]) => `| ${code} | ${cell(sentence)} | ${cell(advice)} |`,
    ),
    '',
    '## What passes by itself',
    '',
    'A step, a plan and a fact that meet one of these are tried again, with growing pauses of random length or as long as the other side asked for, within the',
    'limits of [operator.md](operator.md#when-the-api-server-is-in-trouble); the card says since when it waits, and for what. Every other code is an answer and is',
    'never asked for twice: no permission, no such object, a changed object or another one of that name (409), an object the server does not take (422).',
    '',
    '| code | what it means |',
    '|---|---|',
    ...Object.entries(errors).flatMap(([code, about]) =>
      'transient' in about ? [`| ${code} | ${cell(about.sentence)} |`] : [],
    ),
    '',
  ].join('\n')

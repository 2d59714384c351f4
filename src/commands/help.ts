import { z } from 'zod'
import { refuse } from '../errors.ts'
import type { Block, Message } from '../message.ts'
import type { Person } from '../person.ts'
import { answer, type Capabilities, type ChangeCommand, type Command } from './command.ts'
import { nearest } from './suggest.ts'
import { rightsText } from './rights.ts'

const GROUPS = ['Look', 'Change', 'Jobs'] as const
type Given = Pick<Capabilities, 'commands' | 'decide' | 'people' | 'inventory'> & {
  readonly person: Person
  readonly nowMs: number
}

const isChange = (command: Command): command is ChangeCommand => command.kind === 'change'
const isPlan = (command: Command): boolean => command.name.startsWith('plan ')

/** Commands that take jobs and nothing of a cluster are words about jobs. */
export function groupOf(command: Command): (typeof GROUPS)[number] {
  if (isChange(command)) return 'Change'
  return !isPlan(command) && command.takes.includes('jobs') ? 'Jobs' : 'Look'
}

const overview = (given: Given): Message => {
  const line = (command: Command): string => {
    const rights = isChange(command) ? ` (you: ${rightsText(command, given.inventory.clusters, given)})` : ''
    return `${command.examples[0] ?? command.name} — ${command.summary}${rights}`
  }
  const commands = given.commands().filter((c) => !isPlan(c))
  const blocks = GROUPS.flatMap((group): Block[] => {
    const items = commands.filter((c) => groupOf(c) === group).map(line)
    return items.length === 0
      ? []
      : [
          { kind: 'heading', text: group },
          { kind: 'list', items },
        ]
  })
  return {
    blocks: [
      ...blocks,
      {
        kind: 'text',
        text: 'Put `plan` in front of a change to see what it would do. `help drain` tells more of one command.',
      },
    ],
  }
}

function topic(command: Command, given: Given): Message {
  const manual = command.manual ?? []
  const rights = isChange(command) ? rightsText(command, given.inventory.clusters, given) : 'yes'
  return {
    blocks: [
      { kind: 'heading', text: command.name },
      { kind: 'text', text: `${command.summary}.` },
      { kind: 'code', text: command.examples.join('\n') },
      ...(manual.length === 0 ? [] : [{ kind: 'list' as const, items: manual }]),
      {
        kind: 'text',
        text: isChange(command)
          ? `You may do it: ${rights}. \`plan ${command.examples[0] ?? command.name}\` shows it without doing it.`
          : 'It only reads, or is about jobs.',
      },
    ],
  }
}

/** The command a topic means: its name, a word of its name, or one of its words. */
function find(commands: readonly Command[], words: string): Command | undefined {
  const asked = words
    .toLowerCase()
    .replaceAll(/[?.!`]/g, '')
    .trim()
  const parts = asked.split(/\s+/)
  const [verb = ''] = parts
  const written = commands.filter((c) => !isPlan(c))
  const begins = (c: Command): boolean =>
    c.phrases.some((p) => (typeof p === 'string' ? p : p.say).split(' ')[0]?.split('|').includes(verb) === true)
  return (
    commands.find((c) => c.name === asked) ??
    written.find((c) => c.name.split(' ').every((w) => parts.includes(w))) ??
    written.find((c) => verb.length > 2 && begins(c)) ??
    written.find((c) => parts.includes(c.name.split(' ').at(-1) ?? ''))
  )
}

export const help = answer({
  name: 'help',
  summary: 'What you can say here, and the manual behind a command',
  phrases: [
    'help|hilfe|commands|usage [{topic:text}]',
    'what can you do',
    'what can i say|do|ask',
    'what do you do|know',
    'was kannst du',
    'how do|can|does i|we|one {topic:text}',
    'how to {topic:text}',
    'wie {topic:text}',
    'cheat sheet',
  ],
  args: z.strictObject({ topic: z.string().max(200).optional() }),
  examples: ['help', 'help drain', 'how do I drain a node'],
  takes: ['commands', 'decide', 'people', 'inventory', 'nowMs'],
  answer: async (args, ctx) => {
    const given = { ...ctx, nowMs: ctx.nowMs() }
    if (args.topic === undefined) return overview(given)
    const command = find(ctx.commands(), args.topic)
    if (command !== undefined) return topic(command, given)
    const close = nearest(
      args.topic,
      ctx.commands().map((c) => c.name),
    )
    return refuse('PARSE-UNKNOWN', `There is no command for "${args.topic}".`, {
      choices: close.map((name) => ({ label: `help ${name}`, text: `help ${name}` })),
    })
  },
})

import { z } from 'zod'
import { refuse } from '../errors.ts'
import { SIGNS, STATES } from '../jobs/job.ts'
import type { Block, Message, Text } from '../message.ts'
import type { Person } from '../person.ts'
import { answer, type Capabilities, type ChangeCommand, type Command, type InventoryCluster } from './command.ts'
import { nearest } from './suggest.ts'
import { type Right, rightsOf } from './rights.ts'

type Given = Pick<Capabilities, 'commands' | 'decide' | 'people'> & {
  readonly person: Person
  readonly nowMs: number
  /** The room's own cluster, or all that are in use. */
  readonly clusters: readonly InventoryCluster[]
  readonly home?: string
}

const isChange = (command: Command): command is ChangeCommand => command.kind === 'change'
const isPlan = (command: Command): boolean => command.name.startsWith('plan ')

/** Commands that take jobs and nothing of a cluster are words about jobs. */
export function groupOf(command: Command): 'Look' | 'Change' | 'Jobs' {
  if (isChange(command)) return 'Change'
  return !isPlan(command) && command.takes.includes('jobs') ? 'Jobs' : 'Look'
}

const line = (command: Command, more = ''): Text => [
  { code: command.examples[0] ?? command.name },
  ` ${command.summary}${more}`,
]

const section = (heading: string, items: readonly Text[]): readonly Block[] =>
  items.length === 0
    ? []
    : [
        { kind: 'heading', text: heading },
        { kind: 'list', items },
      ]

/** ` (on c1, c2)`; nothing in a room with a cluster of its own, where every line is about that one. */
const where = (rights: readonly Right[], { home }: Given, sayHow: boolean): string => {
  const parts = rights.map(({ clusters, how }) => {
    const on = home === undefined && clusters.length > 0 ? `on ${clusters.join(', ')}` : ''
    return [on, sayHow ? how : ''].filter((part) => part !== '').join(' ')
  })
  const said = parts.filter((part) => part !== '').join('; ')
  return said === '' ? '' : ` (${said})`
}

/** What this person may say here: on their own, with others, and what not at all. */
function overview(given: Given): Message {
  const commands = given.commands().filter((c) => !isPlan(c))
  const of = (group: string): readonly Text[] => commands.filter((c) => groupOf(c) === group).map((c) => line(c))
  const changes = commands.filter(isChange).map((c) => ({ c, rights: rightsOf(c, given.clusters, given) }))
  const that = (kind: Right['kind']): readonly Text[] =>
    changes.flatMap(({ c, rights }) => {
      const some = rights.filter((r) => r.kind === kind)
      return some.length === 0 ? [] : [line(c, where(some, given, kind === 'needs'))]
    })
  const not = changes.filter(({ rights }) => rights.every((r) => r.kind === 'deny')).map(({ c }) => `\`${c.name}\``)
  const here = given.home === undefined ? '' : ` on ${given.home}`
  return {
    blocks: [
      ...section('Look', of('Look')),
      ...section(`Change${here}, on your own`, that('allow')),
      ...section(`Change${here}, when others agree`, that('needs')),
      ...section('Jobs', of('Jobs')),
      ...(not.length === 0
        ? []
        : [{ kind: 'text', text: `Not for you here: ${not.join(', ')}; \`help\` and its name says why.` } as const]),
      {
        kind: 'text',
        text: 'Put `plan` in front of a change to see what it would do. `help drain` tells more of one command.',
      },
      { kind: 'text', text: `A reaction under your message shows how far it is: ${legend()}.` },
    ],
  }
}

/** Each sign once, with all its words. */
const legend = (): string =>
  [...Map.groupBy(STATES, (state) => SIGNS[state].mark)]
    .map(([mark, states]) => `${mark} ${[...new Set(states.map((state) => SIGNS[state].words))].join(' or ')}`)
    .join(', ')

/** `drain|empty <nodes>`: slots in angle brackets, as manual pages have them. */
const shown = (phrase: Command['phrases'][number]): string =>
  (typeof phrase === 'string' ? phrase : phrase.say).replaceAll(/\{(?:\w+:)?(\w+)\}/g, '<$1>')
const MOST = 8
const phrases = (heading: string, all: Command['phrases']): readonly Block[] => {
  const some = all.slice(0, MOST).map((phrase): Text => [{ code: shown(phrase) }])
  return section(heading, all.length > MOST ? [...some, `and ${all.length - MOST} more ways`] : some)
}

function topic(command: Command, given: Given): Message {
  const manual = command.manual ?? []
  const example = command.examples[0] ?? command.name
  return {
    blocks: [
      { kind: 'heading', text: command.name },
      { kind: 'text', text: `${command.summary}.` },
      { kind: 'code', text: command.examples.join('\n') },
      ...phrases('Say it as', command.phrases),
      ...phrases('With any of', command.options ?? []),
      ...section('Good to know', manual),
      ...(isChange(command)
        ? [
            ...section('Who must agree', rightsOf(command, given.clusters, given).map(rightText)),
            { kind: 'text', text: ['Say ', { code: `plan ${example}` }, ' to see it without doing it.'] } as const,
          ]
        : [{ kind: 'text', text: command.acts === undefined ? 'It only reads.' : 'It acts on a job.' } as const]),
    ],
  }
}

const AGREE: Record<Right['kind'], string> = { allow: 'nobody, you may do it', needs: '', deny: 'not for you:' }
const rightText = ({ kind, clusters, how }: Right): string =>
  `${clusters.length === 0 ? 'everywhere' : clusters.join(', ')}: ${[AGREE[kind], how].filter((part) => part !== '').join(' ')}`

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
  takes: ['commands', 'decide', 'people', 'inventory', 'rooms', 'nowMs'],
  answer: async (args, ctx) => {
    const home = ctx.rooms.find((room) => room.name === ctx.room)?.cluster
    const active = ctx.inventory.clusters.filter((c) => c.state === 'active')
    const clusters = home === undefined ? active : active.filter((c) => c.name === home)
    const given = { ...ctx, nowMs: ctx.nowMs(), clusters, ...(home === undefined ? {} : { home }) }
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

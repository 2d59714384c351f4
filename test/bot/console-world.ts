import { PassThrough } from 'node:stream'
import type { Chat, Incoming } from '../../src/bot/chat.ts'
import { openConsole } from '../../src/bot/console.ts'
import type { Store } from '../../src/store/store.ts'
import { engineOn } from '../jobs/toy.ts'
import { until } from '../lab/process.ts'
import type { Behind, Human, Seen, World } from './chat.contract.ts'

type Line = Readonly<Record<string, unknown>> & { readonly type: string; readonly id?: string }
type Shown = Seen & {
  readonly room: string
  readonly buttons: readonly { readonly id: string; readonly label: string }[]
}

export type ConsoleWorld = World & {
  /** Every line comes once more, with the event it had. */
  readonly replay: () => Promise<void>
}

/** A room of the console in its JSON protocol, on a real store: people write lines, and see what the lines of the output say. */
export async function consoleWorld(store: Store): Promise<ConsoleWorld> {
  await store.redis.flushall()
  const engine = engineOn({ store })
  const lines: Line[] = []
  const ends: (() => Promise<void>)[] = []
  const said: object[] = []
  let tell: (line: object) => void = () => {
    throw new Error('nobody reads the input')
  }
  const write = async (line: object): Promise<string> => {
    const event = `e${said.length + 1}`
    said.push({ event, ...line })
    tell({ event, ...line })
    await until(`the answer to ${event}`, 15_000, () =>
      lines.find((l) => (l.type === 'accepted' && l['event'] === event) || l.type === 'error'),
    )
    const error = lines.find((l) => l.type === 'error')
    if (error !== undefined) throw new Error(JSON.stringify(error))
    return event
  }
  const human = (id: string, bot = false): Human => ({
    id,
    say: (text, how = {}) =>
      write({ as: id, text, ...(bot ? { bot } : {}), ...(how.thread === undefined ? {} : { thread: how.thread }) }),
    edit: async (message, text) => void (await write({ as: id, edit: message, text })),
    remove: async (message) => void (await write({ as: id, delete: message })),
    react: async (to, react) => void (await write({ as: id, react, to })),
    unreact: async (to, unreact) => void (await write({ as: id, unreact, to })),
    press: async (to, label) => {
      const button = shownBy(lines)
        .find((s) => s.id === to)
        ?.buttons.find((b) => b.label === label)
      await write({ as: id, press: button?.id ?? 'none', to })
    },
  })
  const open = async ({ jobs, idle }: Behind = engine): Promise<Chat> => {
    const [input, output] = [new PassThrough(), new PassThrough()]
    let rest = ''
    output.on('data', (chunk: Buffer) => {
      const parts = `${rest}${chunk.toString()}`.split('\n')
      rest = parts.pop() ?? ''
      // each line is one object of the protocol
      lines.push(...parts.map((text) => JSON.parse(text) as Line))
    })
    const chat = openConsole({
      store,
      jobs,
      rooms: () => [{ name: 'ops' }],
      input,
      output,
      json: true,
      speaker: 'nico',
      room: 'ops',
      nowMs: Date.now,
      idle,
      waitMs: 10_000,
      columns: 80,
      colours: false,
    })
    const over = new AbortController()
    let talking: Promise<unknown> | undefined
    const start = async (onIncoming: (incoming: Incoming) => Promise<void>): Promise<void> => {
      await chat.start(onIncoming)
      tell = (line) => void input.write(`${JSON.stringify(line)}\n`)
      talking = chat.converse(over.signal)
    }
    const stop = async (): Promise<void> => {
      over.abort()
      await talking
    }
    ends.push(stop)
    return { ...chat, start, stop }
  }
  return {
    open,
    place: { chat: 'console', id: 'ops' },
    nico: human('nico'),
    fran: human('fran'),
    robot: human('robot', true),
    calls: false,
    endless: true,
    seen: async (place) => shownBy(lines).filter((s) => s.room === place.id),
    privateWith: async ({ id }) =>
      lines.some((l) => l.type === 'private' && l['to'] === id) ? { chat: 'console', id: `@${id}` } : undefined,
    replay: async () => {
      const accepted = () => lines.filter((l) => l.type === 'accepted').length
      const wanted = accepted() + said.length
      for (const line of said) tell(line)
      await until('every line is accepted again', 15_000, () => (accepted() >= wanted ? true : undefined))
    },
    stop: async () => {
      for (const end of ends) await end()
      await engine.stop()
    },
  }
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '')

/** What a person has on the screen after all lines: messages as last edited, reactions under them. */
function shownBy(lines: readonly Line[]): readonly Shown[] {
  const shown: Shown[] = []
  for (const line of lines) {
    const at = shown.findIndex((s) => s.id === (line.type === 'reaction' ? line['on'] : line.id))
    const was = shown[at]
    if (line.type === 'message') shown.push(shownOf(line, []))
    else if (line.type === 'private')
      shown.push(shownOf({ ...line, id: `p${shown.length}`, room: `@${text(line['to'])}`, to: [], buttons: [] }, []))
    else if (line.type === 'file') shown.push(shownOf({ ...line, text: line['name'], room: 'ops', buttons: [] }, []))
    else if (line.type === 'edit' && was !== undefined) shown[at] = shownOf(line, was.reactions)
    else if (line.type === 'reaction' && was !== undefined)
      shown[at] = {
        ...was,
        reactions: [
          ...was.reactions.filter((name) => name !== text(line['name'])),
          ...(line['removed'] === true ? [] : [text(line['name'])]),
        ],
      }
  }
  return shown
}

function shownOf(line: Line, reactions: readonly string[]): Shown {
  // the protocol's own fields of a message
  const buttons = line['buttons'] as Shown['buttons']
  const mentions = (line['to'] ?? []) as readonly string[]
  const labels = buttons.map((b) => `[${b.label}]`).join(' ')
  return {
    id: line.id ?? '',
    room: text(line['room']),
    text: [text(line['text']), labels].filter((part) => part !== '').join('\n'),
    buttons,
    reactions,
    mentions,
    ...(typeof line['thread'] === 'string' ? { thread: line['thread'] } : {}),
  }
}

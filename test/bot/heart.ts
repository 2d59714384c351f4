import type { Incoming } from '../../src/bot/chat.ts'
import { makeHandle } from '../../src/bot/handle.ts'
import type { OutItem } from '../../src/bot/outbox.ts'
import { placeKey } from '../../src/bot/places.ts'
import type { HandleDeps, Question } from '../../src/bot/scene.ts'
import { COMMANDS } from '../../src/commands/registry.ts'
import type { PersonConfig } from '../../src/config.ts'
import type { Asked, Jobs, Revision } from '../../src/jobs/job.ts'
import { type Message, plain } from '../../src/message.ts'
import { rememberMessage } from '../../src/store/messages.ts'
import type { Store } from '../../src/store/store.ts'
import { understand } from '../commands/understood.ts'
import { engineOn, person } from '../jobs/toy.ts'

export const MINUTE = 60_000
type How = {
  readonly by?: string
  readonly thread?: string
  readonly addressed?: boolean
  readonly agoMs?: number
  readonly event?: string
  readonly outsider?: 'guest' | 'external'
}
export type Heart = {
  readonly say: (text: string, how?: How) => Promise<void>
  readonly react: (on: string, name: string, how?: How) => Promise<void>
  readonly press: (on: string, button: string, how?: How) => Promise<void>
  readonly remove: (message: string, own: boolean, bot?: boolean) => Promise<void>
  /** Whatever was sent, and its texts. */
  readonly sent: OutItem[]
  readonly said: () => readonly string[]
  /** The id of the newest message. */
  readonly newest: () => string
  readonly asked: Asked[]
  readonly answered: Question[]
  readonly votes: object[]
  readonly removed: string[]
  readonly clock: { ms: number }
}

/** The heart with the real grammar and a real store; what it sends, submits and answers is kept. Messages have their keys as ids. */
export function heart(
  store: Store,
  jobs: readonly Revision[] = [],
  chat: 'console' | 'matrix' = 'matrix',
  real: Partial<Jobs> = {},
): Heart {
  const [sent, asked, answered, votes]: [OutItem[], Asked[], Question[], object[]] = [[], [], [], []]
  const removed: string[] = []
  const clock = { ms: 1_000 * MINUTE }
  const place = { chat, id: 'ops' } as const
  const deps: HandleDeps = {
    store,
    jobs: { ...engineOn({ store }).jobs, ...byHand(jobs, asked, votes), ...real },
    people: () => ['nico', 'fran'].map(known),
    rooms: () => [{ name: 'ops', clusters: [], matrix: 'ops' }],
    understand: (text, { pending, thread }) =>
      understand(text, { ...(pending === undefined ? {} : { pending }), ...(thread === undefined ? {} : { thread }) }),
    acts: (command) => COMMANDS.find((c) => c.name === command)?.acts,
    answer: async (question) => void answered.push(question),
    send: async (item) => {
      sent.push(item)
      if (item.kind === 'say') await noted(store, item)
    },
    removed: async (_place, message) => void removed.push(message),
    nowMs: () => clock.ms,
    limits: { requestsPerMinute: 4, oldCommandMs: 5 * MINUTE },
  }
  const handle = makeHandle(deps)
  let events = 0
  const happened = ({ by = 'nico', agoMs = 1_000, event = `e${++events}`, outsider }: How) => ({
    event,
    place,
    user: by,
    bot: false,
    sentAtMs: clock.ms - agoMs,
    ...(outsider === undefined ? {} : { outsider }),
  })
  const hear = (incoming: Incoming): Promise<void> => handle(incoming, 'ops')
  return {
    say: (text, how = {}) => {
      const { thread, addressed = true } = how
      const base = happened(how)
      const where = thread === undefined ? {} : { thread }
      return hear({ ...base, kind: 'text', text, message: base.event, addressed, direct: false, ...where })
    },
    react: (on, name, how = {}) => hear({ ...happened(how), kind: 'reaction', name, on, added: true }),
    press: (on, button, how = {}) => hear({ ...happened(how), kind: 'press', button, on }),
    remove: (message, own, bot = false) =>
      hear({ ...happened({ by: 'somebody' }), bot, kind: 'delete', message, ...(own ? { own: true } : {}) }),
    sent,
    said: () => sent.map((item) => ('message' in item && typeof item.message === 'object' ? plain(item.message) : '')),
    newest: () => sent.at(-1)?.key ?? '',
    asked,
    answered,
    votes,
    removed,
    clock,
  }
}

const known = (name: string): PersonConfig => ({ ...person(name), matrix: name })

/** What the outbox remembers of a message once it was sent. */
async function noted(store: Store, { place, key, message, asked }: Extract<OutItem, { kind: 'say' }>): Promise<void> {
  const buttons = ((message satisfies Message).buttons ?? []).map((b) => b.id)
  const choices = buttons.filter((id) => id.startsWith('say:')).map((id) => id.slice('say:'.length))
  await rememberMessage(store, `${placeKey(place)}:${key}`, {
    buttons,
    choices,
    ...(asked === undefined ? {} : { asked }),
  })
}

const byHand = (jobs: readonly Revision[], asked: Asked[], votes: object[]): Partial<Jobs> => ({
  submit: async (request) => String(asked.push(request)),
  get: async (job) => jobs.find((r) => r.job === job),
  list: async ({ states }) => jobs.filter((r) => states?.includes(r.state) ?? true),
  vote: async (vote) => {
    votes.push(vote)
    return { ok: true, text: 'Counted.' }
  },
})

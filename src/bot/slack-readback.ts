import type { WebClient } from '@slack/web-api'
import { z } from 'zod'
import type { Log } from '../log.ts'
import type { Incoming } from './chat.ts'
import { isLimited } from './chat-errors.ts'
import { pause } from './pause.ts'
import type { SlackClock } from './slack-clock.ts'
import { slackError } from './slack-error.ts'
import { incomingOfMessage, isDirect, msOf, ownDeleted, type Self } from './slack-events.ts'
import { reactionKey, type SlackMemory, stampOf } from './slack-memory.ts'
import { emojiOf } from './slack-names.ts'

export type Watched = { readonly channel: string; readonly message: string }
export type ReadBackDeps = {
  readonly client: WebClient
  readonly self: Self
  readonly clock: SlackClock
  readonly memory: SlackMemory
  readonly channels: () => readonly { readonly id: string }[]
  readonly openQuestions: () => Promise<readonly Watched[]>
  /** Stores one event; the same one again is no new one. */
  readonly tell: (incoming: Incoming) => Promise<void>
  readonly log: Log
}

const PAGE = 200
const PAGES = 5
/** Events told late overlap with those read back: their ids make them one. */
const OVERLAP_MS = 5 * 60_000
/** Threads that began so long before are looked at for new answers. */
const THREADS_MS = 24 * 3_600_000
const FIRST_WAIT_MS = 500
const LONGEST_WAIT_MS = 60_000

const messageShape = z.looseObject({ ts: z.string(), latest_reply: z.string().optional() })
type Message = z.infer<typeof messageShape>
const pageShape = z.object({
  messages: z.array(messageShape),
  has_more: z.boolean().optional(),
  response_metadata: z.object({ next_cursor: z.string().optional() }).optional(),
})
const reactedShape = z.object({
  message: z.object({
    reactions: z.array(z.object({ name: z.string(), users: z.array(z.string()) })).default([]),
  }),
})

/**
 * What was said in the channels and what was put under the open questions while nobody listened, told as if it had just come.
 * Waits as long as Slack asks; ends when all is told or the signal aborts.
 */
export async function readBack(deps: ReadBackDeps, signal: AbortSignal): Promise<void> {
  const questions = await deps.openQuestions()
  const channels = [...deps.channels().map(({ id }) => id), ...(await deps.memory.directs())]
  for (const channel of new Set(channels)) await readChannel(deps, channel, questions, signal)
  for (const question of questions) await readReactions(deps, question, signal)
}

async function readChannel(
  deps: ReadBackDeps,
  channel: string,
  questions: readonly Watched[],
  signal: AbortSignal,
): Promise<void> {
  const since = await deps.memory.since(channel, OVERLAP_MS)
  // what was said before Sluice ever listened here is not for it
  if (since === undefined) return deps.memory.begin(channel, stampOf(deps.clock.answeredMs()))
  const oldest = stampOf(Math.max(0, msOf(since) - THREADS_MS))
  const roots = await pages(deps, 'conversations.history', { channel, oldest }, signal)
  if (roots === undefined || signal.aborted) return
  const watched = questions.filter((q) => q.channel === channel).map((q) => q.message)
  const alive = roots.filter((m) => m.latest_reply !== undefined && m.latest_reply > since).map((m) => m.ts)
  const answers: Message[] = []
  for (const ts of new Set([...alive, ...watched]))
    answers.push(...((await pages(deps, 'conversations.replies', { channel, ts, oldest: since }, signal)) ?? []))
  const all = [...roots, ...answers].filter((m) => m.ts > since).toSorted((a, b) => (a.ts < b.ts ? -1 : 1))
  for (const message of all) {
    if (signal.aborted) return
    for (const incoming of incomingOfMessage(message, channel, deps.self)) await deps.tell(incoming)
    await deps.memory.sawUpTo(channel, message.ts)
  }
}

/** All pages up to a limit; undefined when Slack does not let Sluice read there. */
async function pages(
  deps: ReadBackDeps,
  method: string,
  what: Readonly<Record<string, unknown>>,
  signal: AbortSignal,
): Promise<readonly Message[] | undefined> {
  const found: Message[] = []
  let cursor: string | undefined
  for (let page = 0; page < PAGES; page++) {
    const answer = await patiently(
      deps,
      method,
      { ...what, limit: PAGE, ...(cursor === undefined ? {} : { cursor }) },
      signal,
    )
    if (answer === undefined || answer === 'gone') return undefined
    const { messages, response_metadata } = pageShape.parse(answer)
    found.push(...messages)
    cursor = response_metadata?.next_cursor
    if (cursor === undefined || cursor === '') return found
  }
  deps.log.warn({ ...what, read: found.length }, 'more was said in Slack while Sluice was away than it reads back')
  return found
}

/** The answer; `gone` for a message that is not there; undefined when Slack will not say, or the signal came first. */
async function patiently(
  deps: ReadBackDeps,
  method: string,
  what: Readonly<Record<string, unknown>>,
  signal: AbortSignal,
): Promise<unknown> {
  for (let waitMs = FIRST_WAIT_MS; !signal.aborted; waitMs = Math.min(LONGEST_WAIT_MS, waitMs * 2)) {
    try {
      return await deps.client.apiCall(method, what)
    } catch (error) {
      const known = slackError(error, 'reading back what was missed in Slack')
      if (known.code === 'CHAT-GONE') return 'gone'
      if (known.code === 'CHAT-REJECTED' || known.message.includes('missing_scope')) {
        deps.log.warn({ method, code: known.code }, known.message)
        return undefined
      }
      await pause(isLimited(known) ? known.retryAfterMs : waitMs, signal)
    }
  }
  return undefined
}

/** Compares what stands under a question with what was told: both that it came and that it was taken back. */
async function readReactions(deps: ReadBackDeps, { channel, message }: Watched, signal: AbortSignal): Promise<void> {
  const atMs = deps.clock.answeredMs()
  const what = { channel, timestamp: message, full: true }
  const answer = await patiently(deps, 'reactions.get', what, signal)
  if (answer === undefined || signal.aborted) return
  if (answer === 'gone') return deps.tell(ownDeleted(channel, message, atMs, deps.self))
  const before = await deps.memory.reactions(channel, message)
  const here = reactedShape
    .parse(answer)
    .message.reactions.flatMap(({ name, users }) => users.map((user) => ({ user, name: emojiOf(name) })))
    .filter(({ user }) => user !== deps.self.user)
  const keys = here.map(({ user, name }) => reactionKey(user, name))
  const gone = before.here.filter((key) => !keys.includes(key)).map(ofKey)
  const came = here.filter(({ user, name }) => !before.here.includes(reactionKey(user, name)))
  const tell = (reaction: { user: string; name: string }, added: boolean): Promise<void> =>
    deps.tell({
      kind: 'reaction',
      // the same until it is written down that it was told
      event: `${deps.self.team}:${channel}:${message}:${added ? 'has' : 'lost'}:${reaction.user}:${reaction.name}:${before.readAtMs}`,
      place: { chat: 'slack', id: channel },
      direct: isDirect(channel),
      bot: false,
      sentAtMs: atMs,
      on: message,
      added,
      ...reaction,
    })
  for (const reaction of gone) await tell(reaction, false)
  for (const reaction of came) await tell(reaction, true)
  await deps.memory.keepReactions(channel, message, before, { readAtMs: atMs, here: keys })
}

const ofKey = (key: string): { user: string; name: string } => {
  const [user = '', ...name] = key.split(' ')
  return { user, name: name.join(' ') }
}

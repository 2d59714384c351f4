import { z } from 'zod'
import type { Incoming } from './chat.ts'
import { msOf } from './slack-events.ts'
import { type InTurn, turns } from './slack-turns.ts'

/** Kept by whoever opens the adapter, so that a restart knows what was seen. */
export type SlackState = {
  readonly load: (key: string) => Promise<string | undefined>
  readonly save: (key: string, value: string) => Promise<void>
}

const reactionsShape = z.object({
  /** Slack's time when the message was last read back; what happened before it has been told. */
  readAtMs: z.number(),
  /** `U1 ✅`: reactions that were told and not taken back. */
  here: z.array(z.string()),
})
export type Reactions = z.infer<typeof reactionsShape>
const NONE: Reactions = { readAtMs: 0, here: [] }
const directsShape = z.array(z.string())
const DIRECTS = 50
/** Slack's time is read to the second. */
const SECOND_MS = 1_000

export type SlackMemory = ReturnType<typeof slackMemory>
type Reaction = Extract<Incoming, { kind: 'reaction' }>

export const reactionKey = (user: string, name: string): string => `${user} ${name}`
const changed = (here: readonly string[], key: string, added: boolean): string[] => [
  ...here.filter((k) => k !== key),
  ...(added ? [key] : []),
]

/** What was told so far, per channel and per message: what a read-back is compared with. */
export function slackMemory(state: SlackState) {
  const inTurn = turns()
  return { ...channelMemory(state, inTurn), ...reactionMemory(state, inTurn) }
}

const channelMemory = (state: SlackState, inTurn: InTurn) => ({
  /** From where to read a channel, as Slack's time stamp: some time before the newest message seen. Undefined where Sluice never listened. */
  since: async (channel: string, overlapMs: number): Promise<string | undefined> => {
    const begun = await state.load(`begun/${channel}`)
    if (begun === undefined) return undefined
    const seen = [(await state.load(`seen/${channel}`)) ?? begun, (await state.load('alive')) ?? begun]
    const ts = stampOf(Math.max(0, Math.max(...seen.map(msOf)) - overlapMs))
    return ts > begun ? ts : begun
  },
  /** Up to then nothing was missed anywhere. */
  alive: (ts: string): Promise<void> => state.save('alive', ts),
  begin: (channel: string, ts: string): Promise<void> => state.save(`begun/${channel}`, ts),
  sawUpTo: (channel: string, ts: string): Promise<void> =>
    inTurn(`seen/${channel}`, async () => {
      // a channel that was configured while Sluice ran
      if ((await state.load(`begun/${channel}`)) === undefined) await state.save(`begun/${channel}`, ts)
      const before = await state.load(`seen/${channel}`)
      if (before === undefined || before < ts) await state.save(`seen/${channel}`, ts)
    }),
  directs: async (): Promise<readonly string[]> => parsed(directsShape, await state.load('directs')) ?? [],
  sawDirect: (channel: string): Promise<void> =>
    inTurn('directs', async () => {
      const before = parsed(directsShape, await state.load('directs')) ?? []
      if (before[0] === channel) return
      const newest = [channel, ...before.filter((c) => c !== channel)].slice(0, DIRECTS)
      await state.save('directs', JSON.stringify(newest))
    }),
})

function reactionMemory(state: SlackState, inTurn: InTurn) {
  const at = (channel: string, ts: string): string => `reactions/${channel}/${ts}`
  const load = async (key: string): Promise<Reactions> => parsed(reactionsShape, await state.load(key)) ?? NONE
  return {
    reactions: (channel: string, ts: string): Promise<Reactions> => load(at(channel, ts)),
    /** What was read back; what came in live since `before` was loaded stays as it came. */
    keepReactions: (channel: string, ts: string, before: Reactions, read: Reactions): Promise<void> =>
      inTurn(at(channel, ts), async () => {
        const now = (await load(at(channel, ts))).here
        const came = now.filter((key) => !before.here.includes(key))
        const here = new Set([...read.here.filter((key) => now.includes(key) || !before.here.includes(key)), ...came])
        await state.save(at(channel, ts), JSON.stringify({ readAtMs: read.readAtMs, here: [...here] }))
      }),
    /** True when a read-back told of it already, or told of what came after it. */
    isTold: async (reaction: Reaction): Promise<boolean> => {
      const { readAtMs, here } = await load(at(reaction.place.id, reaction.on))
      if (reaction.sentAtMs <= readAtMs) return true
      const same = here.includes(reactionKey(reaction.user, reaction.name)) === reaction.added
      return same && reaction.sentAtMs < readAtMs + SECOND_MS
    },
    told: (reaction: Reaction): Promise<void> => {
      const key = at(reaction.place.id, reaction.on)
      return inTurn(key, async () => {
        const before = await load(key)
        const here = changed(before.here, reactionKey(reaction.user, reaction.name), reaction.added)
        await state.save(key, JSON.stringify({ ...before, here }))
      })
    },
  }
}

const parsed = <T>(shape: z.ZodType<T>, text: string | undefined): T | undefined => {
  if (text === undefined) return undefined
  try {
    return shape.safeParse(JSON.parse(text)).data
  } catch {
    return undefined
  }
}

/** Slack's form of a time: seconds, a dot, six digits. */
export const stampOf = (ms: number): string => `${Math.floor(ms / 1000)}.${String((ms % 1000) * 1000).padStart(6, '0')}`

import { z } from 'zod'
import { SluiceError } from '../errors.ts'
import type { Log } from '../log.ts'
import { isNo } from './matrix-direct.ts'
import type { MatrixEvent } from './matrix-events.ts'
import type { Request } from './matrix-http.ts'

const numbers = z.record(z.string(), z.number()).default({}).catch({})
const levelsShape = z.object({
  content: z.object({
    users: numbers,
    users_default: z.number().default(0).catch(0),
    events: numbers,
    events_default: z.number().default(0).catch(0),
  }),
})
const createShape = z.object({
  sender: z.string(),
  content: z.object({
    // a room without it is of the first version
    room_version: z.string().default('1').catch('1'),
    additional_creators: z.array(z.string()).default([]).catch([]),
  }),
})
const memberShape = z.object({ content: z.object({ membership: z.string() }) })
/** `m.room.power_levels` without what Sluice does not ask for; a room may have none. */
export type Levels = z.infer<typeof levelsShape>['content']
/** `m.room.create` with its sender. */
export type Created = z.infer<typeof createShape>

/** Before version 12 a creator has what the levels say, from then on more than anybody can be given. */
const LISTED_CREATORS = new Set(['1', '2', '3', '4', '5', '6', '7', '8', '9', '10', '11'])
const WANTED: Readonly<Record<string, string>> = {
  'm.room.message': 'send messages',
  'm.reaction': 'react',
  'm.room.redaction': 'take its reactions back',
}

/** A user's power in a room; Infinity for the creators of a room of version 12 or later. */
export function powerOf(user: string, { sender, content }: Created, levels: Levels | undefined): number {
  const creators = [sender, ...content.additional_creators]
  if (!LISTED_CREATORS.has(content.room_version)) {
    if (creators.includes(user)) return Number.POSITIVE_INFINITY
  } else if (levels === undefined) return user === sender ? 100 : 0
  return levels?.users[user] ?? levels?.users_default ?? 0
}

/** What the bot needs in a room and may not do there, in words: `send messages (it has power 0 and needs 50)`. */
export function missingPower(user: string, create: Created, levels: Levels | undefined): readonly string[] {
  const power = powerOf(user, create, levels)
  return Object.entries(WANTED).flatMap(([type, words]) => {
    const needed = levels?.events[type] ?? levels?.events_default ?? 0
    return power >= needed ? [] : [`${words} (it has power ${power} and needs ${needed})`]
  })
}

export type PowerWatch = {
  readonly onState: (room: string, event: MatrixEvent) => void
  readonly onLeave: (room: string) => void
  /** Beside the reading: rooms that were not looked at since the start, or since their levels changed. */
  readonly afterBatch: () => void
}

/** Says in the log, once, when the bot is not in a configured room or has too little power there to do its work. */
export function watchPower(request: Request, self: string, rooms: () => readonly string[], log: Log): PowerWatch {
  const looked = new Set<string>()
  const said = new Map<string, string>()
  // one after the other: a bot that starts has better to ask
  let last = Promise.resolve()
  const check = async (room: string): Promise<void> => {
    const missing = await lookAt(request, self, room)
    if (missing !== '' && missing !== said.get(room)) log.warn({ room }, `in this room Sluice cannot ${missing}`)
    said.set(room, missing)
  }
  return {
    onState: (room, event) => {
      if (event.type === 'm.room.power_levels' || (event.type === 'm.room.member' && event.state_key === self))
        looked.delete(room)
    },
    onLeave: (room) => void looked.delete(room),
    afterBatch: () => {
      for (const room of rooms()) {
        if (looked.has(room)) continue
        looked.add(room)
        last = last
          .then(() => check(room))
          .catch((error: unknown) => {
            if (error instanceof SluiceError) looked.delete(room)
            log.debug({ room, error: String(error) }, 'the power in a room could not be looked at')
          })
      }
    },
  }
}

/** What the bot cannot do in a room, in words; empty when all is well. */
async function lookAt(request: Request, self: string, room: string): Promise<string> {
  const state = (type: string): Promise<unknown> => {
    const path = `/v3/rooms/${encodeURIComponent(room)}/state/${type}`
    return request('GET', path, 'looking at the power in a room', { query: { format: 'event' } })
  }
  const orNothing = (error: unknown): undefined => {
    if (!isNo(error)) throw error
  }
  // who was in a room once may still read what it was then
  const member = memberShape.safeParse(await state(`m.room.member/${encodeURIComponent(self)}`).catch(orNothing))
  const create = await state('m.room.create').catch(orNothing)
  if (member.data?.content.membership !== 'join' || create === undefined)
    return 'hear anything: it is not in the room, invite it'
  const levels = await state('m.room.power_levels').catch(orNothing)
  return missingPower(
    self,
    createShape.parse(create),
    levels === undefined ? undefined : levelsShape.parse(levels).content,
  ).join('; ')
}

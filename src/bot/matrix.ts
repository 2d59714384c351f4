import { MatrixClient, MemoryStorageProvider } from 'matrix-bot-sdk'
import { z } from 'zod'
import { ERRORS, SluiceError } from '../errors.ts'
import type { Log } from '../log.ts'
import type { Lease } from '../store/lease.ts'
import type { Chat, Health, Incoming, Sent } from './chat.ts'
import {
  type About,
  type EventContext,
  type MatrixEvent,
  type MatrixSelf,
  matrixIncoming,
  type Reaction,
  reactionOf,
} from './matrix-events.ts'
import { type RoomCrypto, roomCrypto } from './matrix-crypto.ts'
import { watchHealth } from './matrix-health.ts'
import { type Request, requester, useFetch, whileOurs } from './matrix-http.ts'
import { type DirectRooms, directRooms, isNo } from './matrix-direct.ts'
import { readReceipts } from './matrix-receipts.ts'
import { invitations } from './matrix-rooms.ts'
import { matrixSender, type Sender } from './matrix-send.ts'
import type { MatrixState } from './matrix-state.ts'
import { keepSyncing } from './matrix-sync.ts'
import { type SyncTiming, TIMING } from './matrix-timing.ts'
import { watching } from './matrix-watch.ts'

export type MatrixOptions = {
  readonly homeserver: string
  readonly accessToken: string
  /** When given, the token must be this user's. */
  readonly userId?: string
  readonly state: MatrixState
  /** With replicas: nothing is asked of the homeserver without it. */
  readonly lease?: Lease
  /** Matrix user ids whose invitations are accepted; looked at anew each time. */
  readonly invitesFrom: readonly string[]
  /** Senders that are bridges or bots; `*` stands for anything: `@slack_*:example.org`. */
  readonly bots?: readonly string[]
  /** The configured rooms under their newest ids: their upgrades are followed, and too little power in them is logged. */
  readonly rooms?: () => readonly string[]
  /** Resolves when it is kept that the room `from` is `to` from now on. */
  readonly onMoved?: (from: string, to: string) => Promise<void>
  readonly timing?: Partial<SyncTiming>
  /** Default: Synapse's own for an ordinary account, once the homeserver has asked to slow down. */
  readonly rate?: Chat['rate']
  readonly log: Log
  /** Folder for the keys of encrypted rooms; without it such rooms are refused. */
  readonly keysDir?: string | undefined
  /** How long the key of a message may be late before its room is told. Default 60 s. */
  readonly patienceMs?: number
}

/** rc_message of Synapse: messages, edits, reactions and redactions of a user over all rooms. */
const SYNAPSE_RATE: Chat['rate'] = { all: { burst: 10, everyMs: 5_000, learned: true } }

const whoami = z.object({ user_id: z.string(), device_id: z.string().optional() })
const profile = z.object({ displayname: z.string().optional() })
const about = z.object({ type: z.string(), sender: z.string() })
const remembered = z.object({ on: z.string(), name: z.string(), user: z.string() })

/**
 * The Matrix adapter. Nothing connects before `start`, which throws CHAT-AUTH or CHAT-UNREACHABLE when the homeserver does not
 * take the token.
 */
export async function openMatrix(options: MatrixOptions): Promise<Chat> {
  useFetch()
  const client = new MatrixClient(options.homeserver, options.accessToken, new MemoryStorageProvider())
  const { lease } = options
  const request = lease === undefined ? requester(client) : whileOurs(requester(client), lease.isOurs)
  let first: Promise<Ready> | undefined
  const ready = (): Promise<Ready> => {
    first ??= makeReady(client, request, options).catch((error: unknown) => {
      first = undefined
      throw error
    })
    return first
  }
  let end: (() => Promise<void>) | undefined

  return {
    name: 'matrix',
    can: { edit: true, buttons: false, threads: true, upload: true },
    rate: options.rate ?? SYNAPSE_RATE,
    ...(lease === undefined ? {} : { lease }),
    abreast: 8,
    post: async (...args) => (await ready()).sender.post(...args),
    edit: async (...args) => (await ready()).sender.edit(...args),
    react: async (...args) => (await ready()).sender.react(...args),
    unreact: async (...args) => (await ready()).sender.unreact(...args),
    tellPrivately: async (...args) => (await ready()).sender.tellPrivately(...args),
    upload: async (...args) => (await ready()).sender.upload(...args),
    // a homeserver that is away keeps no ticket from its note
    link: async (sent) => linkTo(sent, (await first?.catch(() => undefined))?.user ?? options.userId),
    start: async (onIncoming, onHealth) => {
      end = await receive(request, await ready(), options, onIncoming, onHealth)
    },
    stop: async () => {
      const ending = end
      end = undefined
      await ending?.()
      const was = first
      // another replica may come in between: rooms and keys are read anew the next time
      first = undefined
      await (await was?.catch(() => undefined))?.crypto.close()
    },
  }
}

/** A room id of version 12 names no server, so the link says through whom the room is found. */
function linkTo({ place, id }: Sent, user: string | undefined): string {
  const via = user === undefined ? '' : `?via=${encodeURIComponent(user.slice(user.indexOf(':') + 1))}`
  return `https://matrix.to/#/${encodeURIComponent(place.id)}/${encodeURIComponent(id)}${via}`
}

/** Reads until the returned function is called. */
async function receive(
  request: Request,
  { user, direct, crypto }: Ready,
  options: MatrixOptions,
  onIncoming: (incoming: Incoming) => Promise<void>,
  onHealth: (health: Health) => void = () => {},
): Promise<() => Promise<void>> {
  const { state, log, rooms = () => [], onMoved = async () => {} } = options
  const timing = { ...TIMING, ...options.timing }
  const context = contextOf(
    request,
    { user, displayName: await displayNameOf(request, user) },
    direct.isDirect,
    options,
  )
  const receipts = readReceipts(request, log)
  const end = await keepSyncing({
    ...direct,
    ...watching({ request, self: user, rooms, onMoved, read: receipts.read, log }),
    ...invitations(request, user, (one) => options.invitesFrom.includes(one), direct, crypto.prepare, log),
    ...crypto.reader((room, event) => accept(room, event, context, state, onIncoming)),
    request,
    self: user,
    load: () => state.load('token'),
    save: (token) => state.save('token', token),
    health: watchHealth(log, onHealth, timing.reportAfterMs),
    timing,
    log,
  })
  return async () => {
    receipts.stop()
    await end()
  }
}

type Ready = {
  readonly user: string
  readonly direct: DirectRooms
  readonly crypto: RoomCrypto
  readonly sender: Sender
}

async function makeReady(client: MatrixClient, request: Request, options: MatrixOptions): Promise<Ready> {
  const { user, device } = await whoAmI(request, options)
  const direct = directRooms(request, user)
  await direct.load()
  const { state, log, keysDir, patienceMs } = options
  const say: Parameters<typeof roomCrypto>[0]['say'] = async (room, event, trouble) => {
    if (botTest(options.bots)(event.sender)) return
    const { sentence, advice } = ERRORS[trouble]
    const text = `${event.sender}: ${sentence} ${advice} (${trouble})`
    const place = { chat: 'matrix', id: room } as const
    await sender.post(place, { blocks: [{ kind: 'note', tone: 'warn', text }] }, { key: `${trouble}${event.event_id}` })
  }
  const crypto = roomCrypto({ request, self: { user, device }, state, log, say, keysDir, patienceMs })
  const sender = matrixSender({ client, request, self: user, direct, crypto })
  return { user, direct, crypto, sender }
}

async function whoAmI(request: Request, { userId }: MatrixOptions) {
  const doing = 'asking Matrix who Sluice is'
  const { user_id, device_id } = whoami.parse(await request('GET', '/v3/account/whoami', doing))
  if (userId !== undefined && userId !== user_id)
    throw new SluiceError('CHAT-AUTH', doing, { text: `the token belongs to ${user_id}, not to ${userId}` })
  return { user: user_id, device: device_id }
}

async function displayNameOf(request: Request, user: string): Promise<string> {
  const raw = await request('GET', `/v3/profile/${encodeURIComponent(user)}`, 'reading the own name').catch(() => ({}))
  return profile.parse(raw).displayname ?? ''
}

/** A reaction is remembered before it is told, so that taking it back can be understood whenever it comes. */
async function accept(
  room: string,
  event: MatrixEvent,
  context: EventContext,
  state: MatrixState,
  onIncoming: (incoming: Incoming) => Promise<void>,
): Promise<void> {
  const reaction = reactionOf(event)
  if (reaction !== undefined) await state.save(`reaction/${event.event_id}`, JSON.stringify(reaction))
  const incoming = await matrixIncoming(event, room, context)
  if (incoming !== undefined) await onIncoming(incoming)
}

function contextOf(
  request: Request,
  self: MatrixSelf,
  isDirect: (room: string) => boolean,
  { bots, state }: MatrixOptions,
): EventContext {
  return {
    self,
    isDirect,
    isBot: botTest(bots),
    recall: async (event): Promise<Reaction | undefined> => {
      const text = await state.load(`reaction/${event}`)
      return text === undefined ? undefined : remembered.parse(JSON.parse(text))
    },
    about: async (room, event): Promise<About | undefined> => {
      const path = `/v3/rooms/${encodeURIComponent(room)}/event/${encodeURIComponent(event)}`
      try {
        return about.parse(await request('GET', path, 'reading an event'))
      } catch (error) {
        if (isNo(error)) return undefined
        throw error
      }
    },
  }
}

function botTest(bots: readonly string[] = []): (user: string) => boolean {
  const patterns = bots.map(
    (pattern) =>
      new RegExp(
        `^${pattern
          .split('*')
          .map((part) => part.replace(/[^\w]/g, '\\$&'))
          .join('.*')}$`,
      ),
  )
  return (user) => patterns.some((pattern) => pattern.test(user))
}

import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { SluiceError } from '../errors.ts'
import type { Log } from '../log.ts'
import { chatError } from './chat-errors.ts'
import { isSpoken, type MatrixEvent } from './matrix-events.ts'
import { type RoomFacts, type RoomNews, roomFacts } from './matrix-facts.ts'
import type { Request } from './matrix-http.ts'
import type { KeyNews, Olm, SealedFile } from './matrix-olm.ts'
import { type Trouble, unreadMessages } from './matrix-unread.ts'
import type { MatrixState } from './matrix-state.ts'

type Content = Readonly<Record<string, unknown>>
export type Wire = { readonly type: string; readonly content: Content }
export type SyncNews = KeyNews & { readonly rooms: { readonly join: RoomNews } }
/** Takes an event as it was meant; resolves when it is stored. */
export type Take = (room: string, event: MatrixEvent) => Promise<void>

/** Between the rooms and the wire: what goes into an encrypted room is sealed, what comes from it is opened. */
export type RoomCrypto = {
  /** What goes over the wire: in an encrypted room never the content itself. Throws CHAT-* when it cannot be sealed; then nothing may be sent. */
  readonly seal: (room: string, type: string, content: Content, signal?: AbortSignal) => Promise<Wire>
  /** A file for an encrypted room; undefined for a room in plain text. */
  readonly sealFile: (room: string, data: Uint8Array, signal?: AbortSignal) => Promise<SealedFile | undefined>
  readonly reader: (take: Take) => Reader
  /** Publishes this device's keys, so that others can write to it. Never throws. */
  readonly prepare: () => Promise<void>
  readonly close: () => Promise<void>
}
export type Reader = {
  /** A batch of /sync before its events are told: its keys are on disk when it resolves, and the token may move. */
  readonly onBatch: (news: SyncNews) => Promise<void>
  /** Hands an event on as it was meant. One that cannot be read yet is kept, and handed on when its key is here. */
  readonly onEvent: Take
}
export type CryptoOptions = {
  readonly request: Request
  readonly self: { readonly user: string; readonly device?: string | undefined }
  readonly state: MatrixState
  /** Where the keys of this device are kept; without it encrypted rooms are refused. */
  readonly keysDir?: string | undefined
  readonly log: Log
  /** Tells a room why a message was not taken. */
  readonly say: (room: string, event: MatrixEvent, trouble: Trouble) => Promise<void>
  /** How long a key may be late before people are told. */
  readonly patienceMs?: number | undefined
}

/**
 * Encryption of rooms. The crypto module and its memory are loaded with the first encrypted room, or when this device has keys on
 * disk: a bot in plain rooms pays nothing. Trouble with keys is trouble of encrypted rooms only.
 */
export function roomCrypto(options: CryptoOptions): RoomCrypto {
  const facts = roomFacts(options.request, options.self.user, options.state)
  const device = lazyDevice(options)
  return {
    seal: async (room, type, content, signal) => {
      const audience = await facts.audience(room, signal)
      if (audience === undefined) return { type, content }
      return (await device.open()).seal(room, type, content, audience, signal)
    },
    sealFile: async (room, data, signal) =>
      (await facts.audience(room, signal)) === undefined ? undefined : (await device.open()).sealFile(data),
    reader: (take) => reader(options, facts, device, take),
    prepare: async () => {
      await device.usable().catch((error: unknown) => {
        options.log.warn({ error: String(error) }, 'the keys for encrypted Matrix rooms are not published yet')
      })
    },
    close: device.close,
  }
}

function reader({ patienceMs, ...options }: CryptoOptions, facts: RoomFacts, device: LazyDevice, take: Take): Reader {
  const unread = unreadMessages({
    ...options,
    ...(patienceMs === undefined ? {} : { patienceMs }),
    read: async (room, event) => {
      const clear = await (await device.usable())?.open(room, event)
      if (clear !== undefined) await take(room, clear)
      return clear !== undefined
    },
  })
  return {
    onBatch: async (news) => {
      const wanted = (await facts.onBatch(news.rooms.join)) || device.wanted()
      if (wanted) await (await device.usable())?.takeIn(news)
      await unread.retry()
    },
    onEvent: async (room, event) => {
      const meant = await meaning(room, event)
      if (meant === 'CHAT-PLAIN') return unread.tell(room, event, meant)
      return meant === 'CHAT-UNREADABLE' ? unread.keep(room, event) : take(room, meant)
    },
  }

  /** Only messages have to be encrypted: every client sends reactions and redactions in plain. */
  async function meaning(room: string, event: MatrixEvent): Promise<MatrixEvent | Trouble> {
    facts.onEvent(room, event)
    if (event.state_key !== undefined || event.sender === options.self.user) return event
    // Anybody at the homeserver could have written it in the person's name. What is nobody's words is not heard anyway.
    if (event.type === 'm.room.message') return isSpoken(event) && (await facts.sealed(room)) ? 'CHAT-PLAIN' : event
    if (event.type !== 'm.room.encrypted' || event.content['ciphertext'] === undefined) return event
    return (await (await device.usable())?.open(room, event)) ?? 'CHAT-UNREADABLE'
  }
}

type LazyDevice = {
  /** Throws CHAT-KEYS | CHAT-KEYS-LOST for as long as this process runs, CHAT-UNREACHABLE and the like for this time. */
  readonly open: () => Promise<Olm>
  /** Like `open`, but trouble with the keys is reported once, and then there is no device. */
  readonly usable: () => Promise<Olm | undefined>
  /** True when this device has keys, so that others may have written to it. */
  readonly wanted: () => boolean
  readonly close: () => Promise<void>
}

const ofKeys = (error: unknown): error is SluiceError =>
  error instanceof SluiceError && (error.code === 'CHAT-KEYS' || error.code === 'CHAT-KEYS-LOST')

function lazyDevice({ request, self: { user, device }, keysDir, log }: CryptoOptions): LazyDevice {
  const name = createHash('sha256').update(`${user} ${device}`).digest('hex').slice(0, 16)
  const file = keysDir === undefined ? undefined : join(keysDir, `${name}.keys`)
  const had = file !== undefined && existsSync(file)
  let opening: Promise<Olm> | undefined
  let reported = false

  const load = async (): Promise<Olm> => {
    const doing = 'opening an encrypted Matrix room'
    if (file === undefined || keysDir === undefined)
      throw chatError('CHAT-REJECTED', doing, 'the room is encrypted, and Sluice has no folder to keep keys in')
    if (device === undefined) throw chatError('CHAT-KEYS', doing, 'the access token belongs to no device')
    await mkdir(keysDir, { recursive: true, mode: 0o700 })
    const { openOlm } = await import('./matrix-olm.ts')
    return openOlm({ request, user, device, file, log })
  }
  const open = (): Promise<Olm> => {
    opening ??= load().catch((error: unknown) => {
      if (!ofKeys(error)) opening = undefined
      throw error
    })
    return opening
  }
  return {
    open,
    usable: async () => {
      if (file === undefined) return undefined
      try {
        return await open()
      } catch (error) {
        if (!ofKeys(error)) throw error
        if (!reported) log.error({ code: error.code }, `${error.message}. ${error.next}`)
        reported = true
        return undefined
      }
    },
    wanted: () => had || opening !== undefined,
    close: async () => {
      const closing = opening
      opening = undefined
      await (await closing?.catch(() => undefined))?.close()
    },
  }
}

import {
  Attachment,
  DecryptionSettings,
  DeviceId,
  DeviceLists,
  initAsync,
  MegolmDecryptionError,
  OlmMachine,
  RoomId,
  TrustRequirement,
  UserId,
} from '@matrix-org/matrix-sdk-crypto-wasm'
import { z } from 'zod'
import type { Log } from '../log.ts'
import { eventsOf, type MatrixEvent } from './matrix-events.ts'
import type { Request } from './matrix-http.ts'
import { openKeys, type Keys } from './matrix-keys.ts'
import { lost, signOwn, speaker } from './matrix-olm-talk.ts'

/** What a batch of /sync brings for the keys of this device. */
export type KeyNews = {
  readonly to_device: { readonly events: readonly unknown[] }
  readonly device_lists: { readonly changed: readonly string[]; readonly left: readonly string[] }
  readonly device_one_time_keys_count: Readonly<Record<string, number>>
  readonly device_unused_fallback_key_types?: readonly string[] | undefined
}
/** Whom a message is for, and how their room wants it sealed. */
export type Audience = {
  readonly members: readonly string[]
  readonly rotateAfterMs?: number | undefined
  readonly rotateAfterMessages?: number | undefined
  readonly history: 'invited' | 'joined' | 'shared' | 'world_readable'
}
type Content = Readonly<Record<string, unknown>>
export type Sealed = { readonly type: 'm.room.encrypted'; readonly content: Record<string, unknown> }
export type SealedFile = { readonly data: Uint8Array; readonly info: Record<string, unknown> }

/** This device's half of the encryption. What it promises to others is on disk before it leaves the process. */
export type Olm = {
  /** Takes keys in; they are on disk when it resolves. What must be answered is sent beside. */
  readonly takeIn: (news: KeyNews) => Promise<void>
  /** Throws CHAT-* when a device of the audience cannot be asked for its keys; then nothing may be sent. */
  readonly seal: (
    room: string,
    type: string,
    content: Content,
    audience: Audience,
    signal?: AbortSignal,
  ) => Promise<Sealed>
  readonly sealFile: (data: Uint8Array) => SealedFile
  /** The event as it was written, or undefined when its key is not here (yet) or it is not genuine. */
  readonly open: (room: string, event: MatrixEvent) => Promise<MatrixEvent | undefined>
  readonly close: () => Promise<void>
}
export type OlmOptions = {
  readonly request: Request
  readonly user: string
  readonly device: string
  readonly file: string
  readonly log: Log
}

const json = z.record(z.string(), z.unknown())
const clearShape = z.object({ type: z.enum(['m.room.message', 'm.reaction']), content: json })
const ownDevice = z.object({
  keys: z.record(z.string(), z.string()),
  signatures: z.record(z.string(), z.record(z.string(), z.string())).default({}),
})
const ownKeys = z.object({ device_keys: z.record(z.string(), z.record(z.string(), ownDevice)) })

/**
 * Opens this device's keys and publishes them. Throws CHAT-KEYS-LOST when the homeserver knows this device by other keys than the
 * file's: nobody could read what it sends. Throws CHAT-KEYS for a file that cannot be used.
 */
export async function openOlm(options: OlmOptions): Promise<Olm> {
  await initAsync()
  const keys = await openKeys(options.file)
  try {
    const machine = await OlmMachine.initialize(new UserId(options.user), new DeviceId(options.device), keys.name)
    // Keys go only to whom a message was for; nobody is given them afterwards.
    machine.roomKeyForwardingEnabled = false
    machine.roomKeyRequestsEnabled = false
    const signed = await assertOurs(machine, options)
    await keys.begin()
    const olm = olmOf(machine, keys, options)
    await olm.publish(!signed)
    return olm
  } catch (error) {
    await keys.close()
    throw error
  }
}

/** Whether the published device is signed by the bot's identity, beside its own signature. */
async function assertOurs(machine: OlmMachine, { request, user, device }: OlmOptions): Promise<boolean> {
  const body = { device_keys: { [user]: [] } }
  const known = ownKeys.parse(await request('POST', '/v3/keys/query', 'comparing the own Matrix keys', { body }))
  const published = known.device_keys[user]?.[device]
  const key = published?.keys[`curve25519:${device}`]
  if (key !== undefined && key !== machine.identityKeys.curve25519.toBase64()) throw lost(device)
  return Object.keys(published?.signatures[user] ?? {}).length > 1
}

function olmOf(machine: OlmMachine, keys: Keys, options: OlmOptions) {
  const { log, device } = options
  const alone = oneAtATime()
  const { send, talk, share } = speaker(machine, keys, options)
  return {
    publish: (sign: boolean) =>
      alone(async () => {
        await talk()
        if (sign) await signOwn(machine, keys, options, send)
      }),
    takeIn: async (news: KeyNews) => {
      await takeIn(machine, news)
      await keys.save()
      // Beside the reading: a homeserver that is slow with keys must not keep anybody from being heard.
      void alone(() => talk()).catch((error: unknown) => {
        log.warn({ device, error: String(error) }, 'keys of Matrix devices could not be exchanged, trying again')
      })
    },
    seal: (room: string, type: string, content: Content, audience: Audience, signal?: AbortSignal) =>
      alone(async (): Promise<Sealed> => {
        signal?.throwIfAborted()
        await share(room, audience, signal)
        const text = await machine.encryptRoomEvent(new RoomId(room), type, JSON.stringify(content))
        // The key of one message is used once, also after a kill -9 right behind the send.
        await keys.save()
        const relation = 'm.relates_to' in content ? { 'm.relates_to': content['m.relates_to'] } : {}
        return { type: 'm.room.encrypted', content: { ...json.parse(JSON.parse(text)), ...relation } }
      }),
    sealFile,
    open: (room: string, event: MatrixEvent) => openEvent(machine, room, event, log),
    close: async () => {
      await keys.save().catch(() => {})
      await keys.close()
      machine.close()
    },
  }
}

async function takeIn(machine: OlmMachine, { to_device: { events }, device_lists, ...counts }: KeyNews): Promise<void> {
  const people = (ids: readonly string[]) => ids.map((id) => new UserId(id))
  // One at a time: of two copies of a key in one call the module keeps the later one, which may open less.
  for (const event of events.length === 0 ? [undefined] : events)
    await machine.receiveSyncChanges(
      JSON.stringify(event === undefined ? [] : [event]),
      new DeviceLists(people(device_lists.changed), people(device_lists.left)),
      new Map(Object.entries(counts.device_one_time_keys_count)),
      new Set(counts.device_unused_fallback_key_types),
      new DecryptionSettings(TrustRequirement.Untrusted),
    )
}

/** Calls run one behind the other: the machine hands out a session's keys to one caller at a time. */
function oneAtATime(): <T>(run: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve()
  return (run) => {
    const mine = last.then(run, run)
    last = mine.catch(() => {})
    return mine
  }
}

function sealFile(data: Uint8Array): SealedFile {
  const sealed = Attachment.encrypt(data)
  const info = json.parse(JSON.parse(sealed.mediaEncryptionInfo ?? '{}'))
  return { data: sealed.encryptedData, info }
}

/** Only what people say is read from inside: a redaction or a state event there was never looked at by the homeserver. */
async function openEvent(
  machine: OlmMachine,
  room: string,
  event: MatrixEvent,
  log: Log,
): Promise<MatrixEvent | undefined> {
  try {
    const settings = new DecryptionSettings(TrustRequirement.Untrusted)
    const opened = await machine.decryptRoomEvent(
      JSON.stringify({ ...event, room_id: room }),
      new RoomId(room),
      settings,
    )
    const clear = clearShape.safeParse(JSON.parse(opened.event))
    if (!clear.success) return { ...event, type: 'm.room.encrypted', content: {} }
    const relation = event.content['m.relates_to']
    const content = { ...clear.data.content, ...(relation === undefined ? {} : { 'm.relates_to': relation }) }
    return eventsOf([{ ...event, type: clear.data.type, content }])[0]
  } catch (error) {
    log.debug({ room, event: event.event_id, error: textOf(error) }, 'a Matrix event cannot be read yet')
    return undefined
  }
}

/** The module's own errors are no Errors. */
const textOf = (error: unknown): string => (error instanceof MegolmDecryptionError ? error.description : String(error))

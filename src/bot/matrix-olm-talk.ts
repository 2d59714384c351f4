import {
  CollectStrategy,
  EncryptionSettings,
  HistoryVisibility,
  type OlmMachine,
  RequestType,
  RoomId,
  UserId,
} from '@matrix-org/matrix-sdk-crypto-wasm'
import { z } from 'zod'
import { SluiceError } from '../errors.ts'
import type { Keys } from './matrix-keys.ts'
import type { Audience, OlmOptions } from './matrix-olm.ts'

const PLACES: Partial<Record<RequestType, readonly ['POST' | 'PUT', string]>> = {
  [RequestType.KeysUpload]: ['POST', '/v3/keys/upload'],
  [RequestType.KeysQuery]: ['POST', '/v3/keys/query'],
  [RequestType.KeysClaim]: ['POST', '/v3/keys/claim'],
  [RequestType.SignatureUpload]: ['POST', '/v3/keys/signatures/upload'],
}
const json = z.record(z.string(), z.unknown())
const DOING = 'encrypting for Matrix'
const ROUNDS = 3

/** The homeserver knows this device by other keys than ours. */
export const lost = (device: string, cause?: unknown): SluiceError =>
  new SluiceError('CHAT-KEYS-LOST', 'opening the keys of encrypted Matrix rooms', {
    text: `the homeserver knows other keys of the device ${device}`,
    ...(cause === undefined ? {} : { cause }),
  })

type Outgoing = {
  readonly id?: string | undefined
  readonly type: RequestType
  readonly body: string
  readonly txn_id?: string
  readonly event_type?: string
}

/** What goes out for the keys themselves; whatever it promises is on disk first. */
export function speaker(machine: OlmMachine, keys: Keys, options: OlmOptions) {
  const send = (one: Outgoing, signal?: AbortSignal) => sendOne(machine, options, one, signal)
  const sendAll = async (all: readonly Outgoing[], signal?: AbortSignal): Promise<void> => {
    if (all.length > 0) await keys.save()
    for (const one of all) await send(one, signal)
  }
  const claims = async (users: UserId[]): Promise<Outgoing[]> => {
    const claim = await machine.getMissingSessions(users)
    return claim === undefined || claim === null ? [] : [claim]
  }
  /** What the machine wants to say: its keys, questions for those of others, and new sessions for broken ones. */
  const talk = async (signal?: AbortSignal): Promise<void> => {
    for (let round = 0; round < ROUNDS; round++) {
      const wanted = (await machine.outgoingRequests()) as Outgoing[] // one class for each type; these are their fields
      const requests = wanted.length > 0 ? wanted : await claims([])
      if (requests.length === 0) return
      await sendAll(requests, signal)
    }
  }
  return {
    send,
    talk,
    share: async (room: string, { members, ...audience }: Audience, signal?: AbortSignal): Promise<void> => {
      // The module takes each list away for good.
      const people = () => members.map((id) => new UserId(id))
      await machine.updateTrackedUsers(people())
      await talk(signal)
      await sendAll(await claims(people()), signal)
      await sendAll(await machine.shareRoomKey(new RoomId(room), people(), settingsOf(audience)), signal)
    },
  }
}

async function sendOne(
  machine: OlmMachine,
  { request, device }: OlmOptions,
  { id, type, body, txn_id = '', event_type = '' }: Outgoing,
  signal?: AbortSignal,
): Promise<void> {
  const path = `/v3/sendToDevice/${encodeURIComponent(event_type)}/${encodeURIComponent(txn_id)}`
  const place = type === RequestType.ToDevice ? (['PUT', path] as const) : PLACES[type]
  if (place === undefined || id === undefined) return
  const call = { body: json.parse(JSON.parse(body)), ...(signal === undefined ? {} : { signal }) }
  const answer = await request(...place, DOING, call).catch((error: unknown) => {
    // The file is older than what this device has published: a copy that was put back.
    if (type === RequestType.KeysUpload && String(error).includes('already exists')) throw lost(device, error)
    throw error
  })
  await machine.markRequestAsSent(id, type, JSON.stringify(answer))
}

/** Signs the device with an identity of the bot, so that clients which talk to signed devices only talk to it. */
export async function signOwn(
  machine: OlmMachine,
  keys: Keys,
  { request, log }: OlmOptions,
  send: (one: Outgoing) => Promise<void>,
) {
  try {
    const made = await machine.bootstrapCrossSigning(false)
    await keys.save()
    if (made.uploadKeysRequest !== undefined) await send(made.uploadKeysRequest)
    const doing = 'publishing the identity of the bot in Matrix'
    const publish = (path: string, body: string) => request('POST', path, doing, { body: json.parse(JSON.parse(body)) })
    await publish('/v3/keys/device_signing/upload', made.uploadSigningKeysRequest.body)
    await publish('/v3/keys/signatures/upload', made.uploadSignaturesRequest.body)
  } catch (error) {
    log.warn({ error: String(error) }, 'the Matrix device could not be signed: clients show it as not verified')
  }
}

function settingsOf({ history, rotateAfterMs, rotateAfterMessages }: Omit<Audience, 'members'>): EncryptionSettings {
  const settings = new EncryptionSettings()
  settings.sharingStrategy = CollectStrategy.allDevices()
  if (rotateAfterMs !== undefined) settings.rotationPeriod = BigInt(rotateAfterMs) * 1000n
  if (rotateAfterMessages !== undefined) settings.rotationPeriodMessages = BigInt(rotateAfterMessages)
  settings.historyVisibility = VISIBILITIES[history]
  return settings
}
const VISIBILITIES = {
  invited: HistoryVisibility.Invited,
  joined: HistoryVisibility.Joined,
  shared: HistoryVisibility.Shared,
  world_readable: HistoryVisibility.WorldReadable,
} as const

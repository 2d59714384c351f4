import { createClient, type MatrixClient, MatrixEvent as SdkEvent, type Room } from 'matrix-js-sdk'
import { type MatrixEvent, MatrixUser } from './matrix-user.ts'
import { until } from './process.ts'

type Content = Readonly<Record<string, unknown>>
type CryptoHalf = {
  readonly encryptEvent: (event: SdkEvent, room: Room) => Promise<void>
  readonly decryptEvent: (event: SdkEvent) => Promise<{ clearEvent: { type: string; content: Content } }>
}
const QUIET = { trace: () => {}, debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
const quiet: typeof QUIET & { getChild: () => typeof quiet } = { ...QUIET, getChild: () => quiet }
const WAIT_MS = 20_000

/** A person whose client encrypts where the room does, with the keys of matrix-js-sdk in memory. `stop()` ends it. */
export class SecretUser extends MatrixUser {
  readonly #client: MatrixClient
  readonly #reader: string | undefined

  constructor(url: string, user: MatrixUser, client: MatrixClient, reader?: string) {
    super(url, user.id, user.token)
    this.#client = client
    this.#reader = reader
  }

  override async send(room: string, content: string | Content, type = 'm.room.message'): Promise<string> {
    const body = typeof content === 'string' ? { msgtype: 'm.text', body: content } : content
    const known = await this.#room(room)
    if (type === 'm.reaction' || !known.hasEncryptionStateEvent()) return super.send(room, body, type)
    return super.send(room, await this.seal(room, body, type), 'm.room.encrypted')
  }

  /** What goes over the wire; any type can be sealed, also what no client would seal. */
  async seal(room: string, content: Content, type = 'm.room.message'): Promise<Content> {
    const known = await this.#room(room)
    if (this.#reader !== undefined) await this.#knows(this.#reader)
    const event = new SdkEvent({ type, content: { ...content }, room_id: room, sender: this.id })
    await this.#crypto.encryptEvent(event, known)
    const relation = 'm.relates_to' in content ? { 'm.relates_to': content['m.relates_to'] } : {}
    return { ...event.getWireContent(), ...relation }
  }

  /** An event of the server as this client shows it; undefined when it cannot be read. */
  async open(raw: MatrixEvent, room: string): Promise<MatrixEvent | undefined> {
    if (raw.type !== 'm.room.encrypted' || raw.content['ciphertext'] === undefined) return raw
    const event = new SdkEvent({ ...raw, room_id: room, content: { ...raw.content } })
    const clear = await this.#crypto.decryptEvent(event).then(
      ({ clearEvent }) => clearEvent,
      () => undefined,
    )
    if (clear === undefined) return undefined
    const relation = 'm.relates_to' in raw.content ? { 'm.relates_to': raw.content['m.relates_to'] } : {}
    return { ...raw, type: clear.type, content: { ...clear.content, ...relation } }
  }

  /** Waits until this client has seen that a room is encrypted, and its reader come: a client seals for those it has seen. */
  async sees(room: string): Promise<void> {
    await until(`${this.id} sees the lock and the reader`, WAIT_MS, async () => {
      const known = await this.#room(room)
      const isHere = this.#reader === undefined || known.getMember(this.#reader)?.membership === 'join'
      return known.hasEncryptionStateEvent() && isHere ? true : undefined
    })
  }

  override stop(): void {
    super.stop()
    this.#client.stopClient()
  }

  get #crypto(): CryptoHalf {
    return this.#client.getCrypto() as unknown as CryptoHalf // its type for the public leaves these out
  }

  #room(room: string): Promise<Room> {
    return until(`${this.id} sees the room`, WAIT_MS, () => this.#client.getRoom(room) ?? undefined)
  }

  async #knows(other: string): Promise<void> {
    await until(`${this.id} knows a device of ${other}`, WAIT_MS, async () => {
      const devices = await this.#client.getCrypto()?.getUserDeviceInfo([other], true)
      return (devices?.get(other)?.size ?? 0) > 0 ? true : undefined
    })
  }
}

/** Starts a client for a person's only device. With `reader` nothing is sealed before that one's device is known. */
export async function secretUser(user: MatrixUser, url: string, reader?: string): Promise<SecretUser> {
  const { device_id } = (await user.request('GET', '/account/whoami')) as { device_id: string } // the lab's homeserver
  const client = createClient({
    baseUrl: url,
    userId: user.id,
    accessToken: user.token,
    deviceId: device_id,
    logger: quiet,
  })
  // Calls are no matter here, and its talk about them cannot be turned off.
  client.matrixRTC.start = () => {}
  await client.initRustCrypto({ useIndexedDB: false })
  await client.startClient({ initialSyncLimit: 1 })
  // Else a message sent right now would not be for this device.
  await until(`${user.id} has published its keys`, WAIT_MS, async () => {
    const body = { device_keys: { [user.id]: [] } }
    const answer = (await user.request('POST', '/keys/query', body)) as { device_keys: Record<string, object> } // the lab's homeserver
    return device_id in (answer.device_keys[user.id] ?? {}) ? true : undefined
  })
  return new SecretUser(url, user, client, reader)
}

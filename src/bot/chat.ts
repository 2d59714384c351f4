import type { Message } from '../message.ts'
import type { Lease } from '../store/lease.ts'

/** PORT: a chat platform. One adapter each for console, Slack and Matrix. */
export type ChatName = 'console' | 'slack' | 'matrix'
/** Their names for people. */
export const PLATFORMS: Readonly<Record<ChatName, string>> = {
  console: 'The console',
  slack: 'Slack',
  matrix: 'Matrix',
}

/** A platform's own place: Slack channel id, Matrix room id, console room name. */
export type Place = { readonly chat: ChatName; readonly id: string }

/** A message that was sent. */
export type Sent = { readonly place: Place; readonly id: string }

/**
 * Whatever happens in a chat. `event` is unique for ever on its platform: the same one delivered twice is one event.
 * `user` is the platform's identity (Slack user id, Matrix user id, console name), hostile until `bot/people.ts` has looked it up.
 */
export type Incoming = {
  readonly event: string
  readonly place: Place
  readonly user: string
  /** True for bots, bridges, app-service ghosts, notices: they are ignored in silence. */
  readonly bot: boolean
  readonly sentAtMs: number
  /** True in a place where only one person and Sluice are. */
  readonly direct?: boolean
  /** Not a full member of the team's own workspace or homeserver: may be shown as a person there, and is nobody here. */
  readonly outsider?: 'guest' | 'external'
} & (
  | {
      readonly kind: 'text'
      readonly text: string
      readonly message: string
      readonly thread?: string
      readonly addressed: boolean
      readonly direct: boolean
    }
  | { readonly kind: 'reaction'; readonly name: string; readonly on: string; readonly added: boolean }
  | { readonly kind: 'press'; readonly button: string; readonly on: string }
  | { readonly kind: 'edit'; readonly message: string; readonly text: string }
  /** `own`: somebody took away a message of the bot. */
  | { readonly kind: 'delete'; readonly message: string; readonly own?: true }
)

/**
 * Sending. Every call has an idempotency `key`: the same key twice is one message, as far as the platform can (Matrix transaction id),
 * else the adapter looks before it sends again (Slack metadata). Throws SluiceError CHAT-UNREACHABLE | CHAT-LIMITED (with
 * `retryAfterMs` on the error) | CHAT-AUTH | CHAT-REJECTED | CHAT-GONE (an edit or a reaction: the message is not there any more).
 */
export type SendOptions = {
  readonly key: string
  readonly thread?: string
  /** What a card is about: console prints it, Slack keeps it as metadata. */
  readonly job?: string
  /** It is the one card of its job: drawn anew as long as the job lives, `over` for the last time. The console keeps a live one in sight. */
  readonly card?: 'live' | 'over'
  /** Chat identities to mention, already looked up from `Message.mention` by person name. */
  readonly mentions?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal
  /** Throws when another may have this to send by now: asked in the last moment before anything is sent. */
  readonly mine?: () => void
  /** An earlier attempt with this key may have arrived (a restart, a lost answer): the adapter looks before it sends. */
  readonly again?: boolean
}

/** Long output, a log, a picture. A text is UTF-8. */
export type ChatFile = {
  readonly name: string
  readonly mime: `text/${string}` | `image/${string}`
  readonly data: string | Uint8Array
  /** What a picture shows, for those who do not see it. */
  readonly alt?: string
}

/** What a platform takes: so many at once, and one more in each so many milliseconds. */
export type Rate = { readonly burst: number; readonly everyMs: number }

/** How a platform is: told when it changes, not for every failure. `text` and `next` are for people. */
export type Health =
  | { readonly up: true }
  | { readonly up: false; readonly code: string; readonly text: string; readonly next: string }

export type Chat = {
  readonly name: ChatName
  /** What the platform cannot do; words are used instead. */
  readonly can: {
    readonly edit: boolean
    readonly buttons: boolean
    readonly threads: boolean
    readonly upload: boolean
  }
  /** What the platform takes. Undefined: as much as one likes. */
  readonly rate: {
    /** Messages into one place. */
    readonly place?: Rate
    /** Edits altogether; without it they count as messages. Reactions likewise. */
    readonly edit?: Rate
    readonly react?: Rate
    /** Everything the bot sends. `learned`: kept to only for an hour after the platform asked to slow down. */
    readonly all?: Rate & { readonly learned?: true }
  }
  /** Only the replica whose turn it is may speak and listen; without it each does. */
  readonly lease?: Lease
  /** How many messages into one place may be under way together; 1 unless the platform makes the same key one message. */
  readonly abreast?: number
  readonly post: (place: Place, message: Message, options: SendOptions) => Promise<Sent>
  readonly edit: (sent: Sent, message: Message, options: SendOptions) => Promise<void>
  /** `name` is the emoji itself (`✅`), not a platform's word for it. */
  readonly react: (sent: Sent, name: string, options: SendOptions) => Promise<void>
  /** Takes the bot's own reaction back; one that is not there is taken back already. */
  readonly unreact: (sent: Sent, name: string, options: SendOptions) => Promise<void>
  readonly tellPrivately: (user: string, message: Message, options: SendOptions) => Promise<void>
  readonly upload: (place: Place, file: ChatFile, options: SendOptions) => Promise<void>
  /** Where a browser finds the message, for the ticket's link to the card. */
  readonly link?: (sent: Sent) => Promise<string | undefined>
  /** Starts receiving. `onIncoming` resolves when the event is stored; only then the platform gets its acknowledgement. */
  readonly start: (
    onIncoming: (incoming: Incoming) => Promise<void>,
    onHealth?: (health: Health) => void,
  ) => Promise<void>
  readonly stop: () => Promise<void>
}

/** Ids of requests that left no message behind (a slash command) begin so: nothing hangs under them. */
export const NO_MESSAGE = 'command:'
export const leavesMessage = (message: string): boolean => !message.startsWith(NO_MESSAGE)

/** A platform asked to slow down for so long. */
export type RateLimited = { readonly retryAfterMs: number }

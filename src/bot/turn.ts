import type { Log } from '../log.ts'
import { sleep } from '../retry.ts'
import type { Lease } from '../store/lease.ts'
import type { Chat, ChatName, Incoming } from './chat.ts'
import type { Trouble } from './health.ts'
import { startChat } from './start.ts'

type TurnDeps = {
  readonly lease: Lease
  /** This replica's turn has begun; resolves after a first attempt, and goes on until the signal aborts. */
  readonly begin: (signal: AbortSignal) => Promise<void>
  /** It is over: nothing is under way any more when it resolves. */
  readonly end: () => Promise<void>
  readonly what: string
  readonly log: Log
  readonly renewMs?: number
}

const RENEW_MS = 1_000
/** A replica that waits looks so often, and when the lease runs out. */
const LOOK_MS = 250
/** What is being sent when the process is told to end may take so long; the next one does it again otherwise. */
const LEAVE_MS = 2_000

/** Waits for a turn. Resolves true with the turn, false when the signal aborts first. `onBusy`: it is somebody else's. */
async function taken({ lease, what, log }: TurnDeps, signal: AbortSignal, onBusy: () => void): Promise<boolean> {
  while (!signal.aborted) {
    const leftMs = await lease.take().catch((error: unknown) => {
      log.debug({ what, err: String(error) }, 'the lease could not be asked for')
      return LOOK_MS
    })
    if (leftMs === 0) return true
    onBusy()
    await sleep(Math.min(leftMs + 1, LOOK_MS), signal).catch(() => {})
  }
  return false
}

/** Resolves when another replica has taken the turn, or the signal aborts. A store that is away ends nothing: without it nobody takes a turn. */
async function lost({ lease, what, log, renewMs = RENEW_MS }: TurnDeps, signal: AbortSignal): Promise<void> {
  for (;;) {
    await sleep(renewMs, signal).catch(() => {})
    if (signal.aborted) return
    const isOurs = await lease.renew().catch((error: unknown) => {
      log.debug({ what, err: String(error) }, 'the lease was not renewed')
      return true
    })
    if (!isOurs) return
  }
}

/**
 * Does what one replica at a time may do, whenever it is this one's turn. Resolves when it has begun (after its first attempt), or is somebody else's. The returned
 * function ends it and lets the next one in at once.
 */
async function keepTurn(deps: TurnDeps): Promise<() => Promise<void>> {
  const { lease, what, log } = deps
  const leaving = new AbortController()
  const first = Promise.withResolvers<void>()
  const run = async (): Promise<void> => {
    let waits = false
    const onBusy = (): void => {
      if (!waits) log.info({ what }, 'another replica does this; this one waits')
      waits = true
      first.resolve()
    }
    while (await taken(deps, leaving.signal, onBusy)) {
      log.info({ what, turn: lease.turn() }, 'this replica does this from now on')
      waits = false
      const turn = new AbortController()
      const begun = deps.begin(turn.signal).finally(first.resolve)
      await lost(deps, leaving.signal)
      turn.abort()
      const over = begun
        .then(deps.end)
        .catch((error: unknown) => log.warn({ what, err: String(error) }, 'ending a turn'))
      if (!leaving.signal.aborted) log.warn({ what }, 'another replica does this by now')
      await (leaving.signal.aborted ? Promise.race([over, sleep(LEAVE_MS)]) : over)
      if (leaving.signal.aborted) await lease.release().catch(() => {})
    }
    first.resolve()
  }
  const running = run()
  await first.promise
  return async () => {
    leaving.abort()
    await running
  }
}

type Listening = {
  readonly chat: Chat
  readonly receive: (incoming: Incoming) => Promise<void>
  readonly health: (what: ChatName) => Trouble
  /** Whether this replica says what only one may say; resolves when it is so. */
  readonly alone: (on: boolean) => Promise<void>
  readonly log: Log
  readonly signal: AbortSignal
}

/**
 * Listens to a platform from now on, or whenever it is this replica's turn. Resolves after the first attempt, or when another replica does it. The returned function ends
 * it, and lets the next one begin.
 */
export async function listen({ chat, receive, health, alone, log, signal }: Listening): Promise<() => Promise<void>> {
  const { lease, name } = chat
  const told = health(name)
  if (lease === undefined) {
    await startChat(chat, receive, told, signal)
    return chat.stop
  }
  return keepTurn({
    lease,
    log,
    what: name,
    begin: async (turn) => {
      await Promise.all([alone(true), startChat(chat, receive, told, turn)])
    },
    end: async () => {
      await alone(false)
      await chat.stop()
    },
  })
}

import { asSluiceError } from '../errors.ts'
import type { Incoming } from './chat.ts'
import { pause } from './pause.ts'
import { isDirect } from './slack-events.ts'
import { type SlackMemory, stampOf } from './slack-memory.ts'
import { type ReadBackDeps, readBack } from './slack-readback.ts'

export type Missed = {
  /** Stores an event that just came, behind those that are being read back, and remembers that it was seen. */
  readonly tellInOrder: (incoming: Incoming) => Promise<void>
  /** From now on something may be missed. */
  readonly lost: () => void
  /** Begins to read back what was missed; a run under way ends. */
  readonly readBack: () => void
  readonly stop: () => Promise<void>
}

/** New events wait so long for the old ones; Slack wants its acknowledgement within three seconds. */
const HOLD_MS = 1_500
const AGAIN_MS = 2_000
/** So often it is written down that nothing was missed so far. */
const ALIVE_MS = 60_000

export type MissedDeps = {
  readonly memory?: SlackMemory
  readonly back: Omit<ReadBackDeps, 'memory' | 'tell'>
  readonly tell: (incoming: Incoming) => Promise<void>
}

/** Keeps account of what was seen, and fills the gaps. Without a memory events just pass. */
export function slackMissed(deps: MissedDeps): Missed {
  return deps.memory === undefined
    ? { tellInOrder: deps.tell, lost: () => {}, readBack: () => {}, stop: async () => {} }
    : remembering({ ...deps, memory: deps.memory })
}

function remembering({ memory, tell, back }: MissedDeps & { readonly memory: SlackMemory }): Missed {
  let running = new AbortController()
  let held: Promise<unknown> = Promise.resolve()
  let reading: Promise<void> = Promise.resolve()
  let isComplete = false

  /** Until all is told: a store or a Slack that is away comes back. */
  const run = async (signal: AbortSignal): Promise<void> => {
    while (!signal.aborted && !isComplete) {
      try {
        await readBack({ ...back, memory, tell }, signal)
        isComplete = !signal.aborted
      } catch (error) {
        const known = asSluiceError(error, 'reading back what was missed in Slack')
        back.log.error({ code: known.code }, known.message)
        await pause(AGAIN_MS, signal)
      }
    }
  }
  const alive = setInterval(() => {
    // an error of the store is told by whoever needs it next
    if (isComplete) memory.alive(stampOf(Date.now())).catch(() => undefined)
  }, ALIVE_MS)
  alive.unref()
  return {
    lost: () => {
      running.abort()
      isComplete = false
    },
    tellInOrder: async (incoming) => {
      await held
      if (incoming.kind === 'reaction' && (await memory.isTold(incoming))) return
      await tell(incoming)
      await remember(memory, incoming, isComplete)
    },
    readBack: () => {
      running.abort()
      running = new AbortController()
      isComplete = false
      const { signal } = running
      reading = reading.then(() => run(signal))
      held = Promise.race([reading, pause(HOLD_MS, signal)])
    },
    stop: async () => {
      clearInterval(alive)
      running.abort()
      await reading
    },
  }
}

/** While something is missing, what is seen live says nothing of what came before it. */
async function remember(memory: SlackMemory, incoming: Incoming, isComplete: boolean): Promise<void> {
  const channel = incoming.place.id
  if (incoming.kind === 'reaction') return memory.told(incoming)
  if (incoming.kind !== 'text') return
  if (isDirect(channel)) await memory.sawDirect(channel)
  if (isComplete) await memory.sawUpTo(channel, incoming.message)
}

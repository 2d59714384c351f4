import type { SluiceError } from '../errors.ts'
import { redact } from '../redact.ts'
import type { Health } from './chat.ts'

/** What can be in trouble by itself: the socket, the calls, the read-back. */
export type Source = 'socket' | 'calls'
export type SlackHealth = {
  readonly down: (source: Source, error: SluiceError) => void
  readonly up: (source: Source) => void
  readonly isDown: (source: Source) => boolean
  /** Nothing is told any more. */
  readonly close: () => void
}

/** A socket that is moved is no trouble. A refused token is, at once: it does not mend itself. */
const GRACE_MS = 2_000

/** Tells of trouble once when it has begun and once when it has ended, however often it is seen meanwhile. */
export function slackHealth(tell: (health: Health) => void, graceMs = GRACE_MS): SlackHealth {
  const troubles = new Map<Source, SluiceError>()
  let told: string | undefined
  let timer: NodeJS.Timeout | undefined
  const worst = (): SluiceError | undefined => {
    const all = [...troubles.values()]
    return all.find((e) => e.code === 'CHAT-AUTH') ?? all[0]
  }
  const report = (): void => {
    timer = undefined
    const trouble = worst()
    if (trouble === undefined || told === trouble.code) return
    told = trouble.code
    tell({ up: false, code: trouble.code, text: redact(trouble.message), next: trouble.next })
  }
  const settle = (): void => {
    if (troubles.size > 0) return
    clearTimeout(timer)
    timer = undefined
    if (told === undefined) return
    told = undefined
    tell({ up: true })
  }
  return {
    down: (source, error) => {
      troubles.set(source, error)
      if (error.code === 'CHAT-AUTH') {
        clearTimeout(timer)
        report()
      } else if (told === undefined && timer === undefined) {
        timer = setTimeout(report, graceMs)
        timer.unref()
      }
    },
    up: (source) => {
      if (troubles.delete(source)) settle()
    },
    isDown: (source) => troubles.has(source),
    close: () => clearTimeout(timer),
  }
}

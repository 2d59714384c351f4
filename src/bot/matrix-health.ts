import type { SluiceError } from '../errors.ts'
import type { Log } from '../log.ts'
import type { Health } from './chat.ts'

export type HealthWatch = {
  /** Reading works: an outage that was told is over. */
  readonly worked: () => void
  /** Reading failed. Told once, when it lasts; a refused token at once, because it seldom mends itself. */
  readonly failed: (error: SluiceError) => void
  readonly stop: () => void
}

/** Tells and logs each outage once when it has lasted `reportAfterMs`, and once when it is over: a blip is no news. */
export function watchHealth(log: Log, tell: (health: Health) => void, reportAfterMs: number): HealthWatch {
  let latest: SluiceError | undefined
  let told: string | undefined
  let timer: NodeJS.Timeout | undefined
  const say = (health: Health): void => {
    try {
      tell(health)
    } catch (error) {
      log.error({ error: String(error) }, 'the state of Matrix could not be told')
    }
  }
  const report = (): void => {
    // within one outage only a refused token is further news: somebody has to act
    if (latest === undefined || (told !== undefined && (latest.code !== 'CHAT-AUTH' || told === latest.code))) return
    told = latest.code
    // whoever is told says it louder
    log.info({ code: latest.code }, `Matrix is not heard, trying again: ${latest.message}. ${latest.next}`)
    say({ up: false, code: latest.code, text: latest.message, next: latest.next })
  }
  return {
    worked: () => {
      clearTimeout(timer)
      timer = undefined
      if (told !== undefined) {
        log.info({}, 'Matrix is heard again')
        say({ up: true })
      }
      latest = told = undefined
    },
    failed: (error) => {
      latest = error
      log.debug({ code: error.code, error: error.message }, 'Matrix sync failed, trying again')
      timer ??= setTimeout(report, reportAfterMs).unref()
      if (error.code === 'CHAT-AUTH') report()
    },
    stop: () => clearTimeout(timer),
  }
}

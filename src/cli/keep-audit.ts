import { join } from 'node:path'
import { asSluiceError } from '../errors.ts'
import { trimAudit } from '../jobs/audit-keep.ts'
import type { World } from './world.ts'

const EVERY_MS = 10 * 60_000

/** Where the bot puts what it takes out of the log. */
export const auditDir = (dataDir: string): string => join(dataDir, 'audit')

/** Keeps the audit log within its bounds, at start and every ten minutes: what is beyond goes to a file first. The returned function ends it, when no export is under way. */
export function keepAudit(dataDir: string, { clock, config, log, store }: World): () => Promise<void> {
  const once = async (): Promise<void> => {
    try {
      const trimmed = await trimAudit(store.redis, { ...config().audit, dir: auditDir(dataDir) }, clock.now())
      if (trimmed !== undefined)
        log.warn({ file: trimmed.file }, `audit entries up to ${trimmed.upTo.n} were exported and trimmed`)
    } catch (error) {
      // nothing was trimmed: the log grows, and it is tried again
      const { code, message } = asSluiceError(error, 'keeping the audit log')
      log.error({ code }, message)
    }
  }
  let running = once()
  const timer = setInterval(() => {
    running = running.then(once)
  }, EVERY_MS)
  timer.unref()
  return async () => {
    clearInterval(timer)
    await running
  }
}

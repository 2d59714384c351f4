import type { Log } from '../log.ts'

type Closable = { readonly close: () => Promise<unknown> }

/** What one replica at a time works off: here as long as this one may, opened and closed as often as that changes, one after the other. */
export type Alone = {
  readonly isHere: () => boolean
  /** How the worker is made, once it can be; what was wished before is done then. */
  readonly ready: (open: () => Promise<Closable>) => void
  /** Resolves when it is so; before `ready` nothing is under way, and it resolves at once. */
  readonly set: (on: boolean) => Promise<void>
}

export function openAlone(log: Log): Alone {
  const made = Promise.withResolvers<() => Promise<Closable>>()
  let [isHere, isReady] = [false, false]
  let now: Closable | undefined
  let last: Promise<void> = Promise.resolve()
  const follow = async (): Promise<void> => {
    const open = await made.promise
    // the newest wish counts
    if (isHere === (now !== undefined)) return
    const before = now
    now = undefined
    if (before === undefined) now = await open()
    else await before.close()
  }
  return {
    isHere: () => isHere,
    ready: (open) => {
      isReady = true
      made.resolve(open)
    },
    set: async (on) => {
      isHere = on
      last = last.catch(() => {}).then(follow)
      if (isReady) await last
      else last.catch((error: unknown) => log.error({ err: String(error) }, 'a queue is not worked off'))
    },
  }
}

/** Something that runs as long as it is wanted: opened and closed as often as that changes, one after the other. */
export type OnOff = {
  /** Resolves when it is so, and rejects when it cannot be opened; the newest wish counts. */
  readonly set: (on: boolean) => Promise<void>
}

export function onOff(open: () => Promise<{ readonly close: () => Promise<unknown> }>): OnOff {
  let wanted = false
  let now: { readonly close: () => Promise<unknown> } | undefined
  let last: Promise<void> = Promise.resolve()
  const follow = async (): Promise<void> => {
    if (wanted === (now !== undefined)) return
    const before = now
    now = undefined
    if (before === undefined) now = await open()
    else await before.close()
  }
  return {
    set: (on) => {
      wanted = on
      last = last.catch(() => {}).then(follow)
      return last
    },
  }
}

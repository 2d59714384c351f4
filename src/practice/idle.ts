/** Knows when the last client came, and calls back once when nobody has for a while. */
export class Idle {
  readonly #limitMs: number
  readonly #isBusy: () => boolean
  readonly #isOrphan: () => boolean
  #lastMs = Date.now()
  #timer: NodeJS.Timeout | undefined

  /**
   * `isBusy`: a client is connected right now, although it asks nothing (a watch). `isOrphan`: nobody can find the world
   * any more, so that nobody will come.
   */
  constructor(limitMs: number, isBusy: () => boolean, isOrphan: () => boolean) {
    this.#limitMs = limitMs
    this.#isBusy = isBusy
    this.#isOrphan = isOrphan
  }

  touch(): void {
    this.#lastMs = Date.now()
  }

  start(onIdle: (why: 'idle' | 'orphan') => void): void {
    const everyMs = Math.min(5000, Math.max(20, this.#limitMs / 10))
    this.#timer = setInterval(() => {
      if (this.#isBusy()) this.touch()
      const isOver = Date.now() - this.#lastMs >= this.#limitMs
      if (!isOver && !this.#isOrphan()) return
      this.stop()
      onIdle(isOver ? 'idle' : 'orphan')
    }, everyMs)
  }

  stop(): void {
    clearInterval(this.#timer)
  }
}

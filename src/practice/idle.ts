/** Knows when the last client came, and calls back once when nobody has for a while. */
export class Idle {
  readonly #limitMs: number
  readonly #isBusy: () => boolean
  #lastMs = Date.now()
  #timer: NodeJS.Timeout | undefined

  /** `isBusy`: a client is connected right now, although it asks nothing (a watch). */
  constructor(limitMs: number, isBusy: () => boolean) {
    this.#limitMs = limitMs
    this.#isBusy = isBusy
  }

  touch(): void {
    this.#lastMs = Date.now()
  }

  start(onIdle: () => void): void {
    const everyMs = Math.min(5000, Math.max(20, this.#limitMs / 10))
    this.#timer = setInterval(() => {
      if (this.#isBusy()) this.touch()
      if (Date.now() - this.#lastMs < this.#limitMs) return
      this.stop()
      onIdle()
    }, everyMs)
  }

  stop(): void {
    clearInterval(this.#timer)
  }
}

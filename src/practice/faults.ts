/** A planted failure: the next `times` requests that match are slowed down or answered with `status`. */
export type Fault = {
  readonly cluster?: string | undefined
  readonly method?: string | undefined
  /** Part of path and query. */
  readonly path?: string | undefined
  readonly status?: number | undefined
  readonly reason?: string | undefined
  readonly message?: string | undefined
  readonly retryAfterSeconds?: number | undefined
  readonly delayMs?: number | undefined
  /** The socket is closed without an answer. */
  readonly cut?: boolean | undefined
  times: number
}

export class Faults {
  #planted: Fault[] = []

  plant(fault: Fault): void {
    this.#planted.push({ ...fault })
  }

  clear(): void {
    this.#planted = []
  }

  /** The first fault that matches a request; it counts as used. */
  take(cluster: string, method: string, url: string): Fault | undefined {
    const found = this.#planted.find(
      (fault) =>
        (fault.cluster === undefined || fault.cluster === cluster) &&
        (fault.method === undefined || fault.method === method) &&
        (fault.path === undefined || url.includes(fault.path)),
    )
    if (!found) return undefined
    found.times -= 1
    if (found.times <= 0) this.#planted = this.#planted.filter((fault) => fault !== found)
    return found
  }
}

/** Runs what is given for one key one after the other, in the order it was given; a failure holds back nobody. */
export type InTurn = <T>(key: string, run: () => Promise<T>) => Promise<T>

export function turns(): InTurn {
  const queues = new Map<string, Promise<unknown>>()
  return (key, run) => {
    const turn = (queues.get(key) ?? Promise.resolve()).then(run, run)
    const quiet = turn.then(
      () => undefined,
      () => undefined,
    )
    queues.set(key, quiet)
    void quiet.then(() => {
      if (queues.get(key) === quiet) queues.delete(key)
    })
    return turn
  }
}

/** What a server of the lab gets while it is brought. */
export type Lab = {
  /** The run's folder. Short, because Unix socket paths end at 107 bytes; removed at the end. */
  readonly dir: string
  /** Writes a process down, so that it is stopped even after a crash of the run. */
  readonly own: (pid: number, what: string) => void
}

/** A server that is up. `data` is plain JSON: it travels to the workers. */
export type Brought<D> = { readonly data: D; readonly version: string; readonly stop: () => Promise<void> }

/** Brings one real server. Throws with the reason when this machine cannot have it. */
export type Bring<D> = (lab: Lab) => Promise<Brought<D>>

/** The machine lacks something a server needs: its tests are not run (with CI=true: fail). */
export class NotHere extends Error {}

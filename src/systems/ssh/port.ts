/** PORT: a host reached by SSH. argv is an array and becomes a shell line in exactly one tested place (systems/ssh/shell.ts). */
export type RunOptions = {
  readonly stdin?: string | Uint8Array
  readonly timeoutMs: number
  readonly signal?: AbortSignal
}
export type Ran = {
  readonly exitCode: number
  readonly signal?: string
  readonly stdout: string
  readonly stderr: string
}

/** A detached command lives in `<state dir>/<job>/<step>/` on the host and survives the bot; making that folder is the once-only lock. */
export type DetachedId = { readonly job: string; readonly step: string }
export type DetachedState =
  | { readonly kind: 'unknown' }
  | { readonly kind: 'running'; readonly pid: number }
  | { readonly kind: 'exited'; readonly exitCode: number }
  | { readonly kind: 'lost'; readonly why: 'reboot' | 'killed' }

/**
 * Throws SluiceError SSH-UNREACHABLE | SSH-HOSTKEY | SSH-AUTH | SSH-TIMEOUT | SSH-UNKNOWN-OUTCOME (no exit event: never "failed").
 */
export type Host = {
  readonly name: string
  readonly run: (argv: readonly string[], options: RunOptions) => Promise<Ran>
  /** `exists` when the folder was there before: nothing was run twice. */
  readonly start: (id: DetachedId, argv: readonly string[], options: RunOptions) => Promise<'started' | 'exists'>
  readonly status: (
    id: DetachedId,
    options: { readonly timeoutMs: number; readonly signal?: AbortSignal },
  ) => Promise<DetachedState>
  /** Output from a byte offset on until the command ends; resolves with the end state. */
  readonly attach: (
    id: DetachedId,
    options: {
      readonly fromByte: number
      readonly timeoutMs: number
      readonly signal?: AbortSignal
      readonly onOutput: (text: string) => void
    },
  ) => Promise<DetachedState>
  readonly stop: (
    id: DetachedId,
    options: { readonly timeoutMs: number; readonly signal?: AbortSignal },
  ) => Promise<void>
  readonly readFile: (
    path: string,
    options: { readonly timeoutMs: number; readonly signal?: AbortSignal },
  ) => Promise<string | undefined>
  /** Atomic: temporary file, then rename. Mode as in `0o600`. */
  readonly writeFile: (
    path: string,
    text: string,
    options: { readonly mode: number; readonly timeoutMs: number; readonly signal?: AbortSignal },
  ) => Promise<void>
  readonly close: () => Promise<void>
}

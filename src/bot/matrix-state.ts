/**
 * What the adapter has to find again after a restart, key by key: `token`, and `reaction/<event id>` for each reaction seen,
 * because its redaction no longer tells which emoji it was. Reactions may be dropped after some weeks. `encrypted/<room id>` for each
 * room that ever was, and `unread`: messages whose key has not come yet, as they came. Nothing here is secret.
 */
export type MatrixState = {
  readonly load: (key: string) => Promise<string | undefined>
  readonly save: (key: string, value: string) => Promise<void>
}

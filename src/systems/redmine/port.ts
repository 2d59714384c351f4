/** PORT: tickets. Throws SluiceError REDMINE-UNREACHABLE | REDMINE-AUTH | REDMINE-ERROR. */
export type Ticket = {
  readonly id: string
  readonly subject: string
  readonly project: string
  readonly open: boolean
  readonly status: string
  readonly url: string
}

export type Tickets = {
  /** undefined when there is no such ticket (or the key may not see it). */
  readonly read: (id: string, options?: { readonly signal?: AbortSignal }) => Promise<Ticket | undefined>
  /** True when a journal of the ticket holds the marker already. */
  readonly hasNote: (id: string, marker: string, options?: { readonly signal?: AbortSignal }) => Promise<boolean>
  /**
   * Writes a note that ends with the marker, unless one is there: looks first. `links` can be clicked, the text stands as it is. `mine` is asked between
   * the look and the writing and throws when somebody else may write it by now. Returns whether it wrote.
   */
  readonly note: (
    id: string,
    note: { readonly marker: string; readonly text: string; readonly links?: readonly string[] },
    options?: { readonly signal?: AbortSignal; readonly mine?: () => void },
  ) => Promise<'written' | 'there'>
  readonly url: (id: string) => string
}

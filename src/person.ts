/** A configured human. `name` is the short word used in policies and on the console (`nico`). */
export type Person = {
  readonly name: string
  readonly title: string
  readonly groups: readonly string[]
  readonly timeZone: string
}

/** What `make soak` says of a command that was killed at each of its journal writes. */
export function killTable(command: string, points: number) {
  const found = { resumed: 0 }
  return {
    /** One point more after which everything was there, and once. */
    resumed: (): void => void found.resumed++,
    /** A point that was not resumed has failed its test, which says what was doubled or lost. */
    tell: (): void =>
      console.info(
        `kill -9 at every journal write: ${command}: ${points} kill points, ${found.resumed} resumed with 0 doubled effects and 0 lost`,
      ),
  }
}

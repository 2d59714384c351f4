import type { Config } from '../config.ts'
import { type Moved, movedMessage } from '../bot/moved.ts'
import type { Sluice } from '../main.ts'

/** Says once in each room that is not where the file says, what to write there: at the start, and when a room moves. */
export function tellMoves({ tell }: Pick<Sluice, 'tell'>, config: () => Pick<Config, 'rooms'>, moved: Moved): void {
  const look = async (): Promise<void> => {
    for (const one of moved.elsewhere(config().rooms))
      await tell(one.room, `moved:${one.from}:${one.to}`, movedMessage(one))
  }
  // what could not be stored now is said after the next start
  const quietly = (): void => void look().catch(() => {})
  moved.onMove(quietly)
  quietly()
}

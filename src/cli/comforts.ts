import type { Comforts } from '../bot/console-keys.ts'
import type { Inventory } from '../commands/command.ts'
import { complete } from '../commands/complete.ts'
import { COMMANDS } from '../commands/registry.ts'
import { KNOWN } from '../commands/not-yet.ts'
import { openHistory } from './history.ts'
import type { World } from './world.ts'

/** What a person at a terminal gets beside the lines. `names` are the live ones, as soon as there are any. */
export function comfortsOf(
  world: Pick<World, 'log' | 'config'>,
  dataDir: string | undefined,
  names: () => Inventory | undefined,
): Comforts {
  return {
    ...openHistory(dataDir, world.log),
    complete: (typed) => complete(typed, { commands: COMMANDS, known: KNOWN, inventory: names() ?? world.config() }),
    afterwards:
      dataDir === undefined
        ? 'Nobody goes on with them: without --data nothing is kept.'
        : `They go on when the console is opened again with --data ${dataDir}.`,
  }
}

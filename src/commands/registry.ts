import type { ChangeCommand, Command } from './command.ts'
import * as list from './index.ts'
import { planOf } from './plan.ts'

const WRITTEN: readonly Command[] = Object.values(list)

const isChange = (command: Command): command is ChangeCommand => command.kind === 'change'

/** Every change of a list by its name, for jobs to look up. */
export const changesOf = (commands: readonly Command[]): ReadonlyMap<string, ChangeCommand> =>
  new Map(commands.filter(isChange).map((change) => [change.name, change]))
export const CHANGES = changesOf(WRITTEN)

/** Every command: those of the list, and `plan X` for every change X. */
export const COMMANDS: readonly Command[] = [...WRITTEN, ...[...CHANGES.values()].map(planOf)]

import type { ChangeCommand, Command } from './command.ts'
import * as list from './index.ts'
import { planOf } from './plan.ts'

const WRITTEN: readonly Command[] = Object.values(list)

const isChange = (command: Command): command is ChangeCommand => command.kind === 'change'

/** Every change by its name, for jobs to look up. */
export const CHANGES: ReadonlyMap<string, ChangeCommand> = new Map(
  WRITTEN.filter(isChange).map((change) => [change.name, change]),
)

/** Every command: those of the list, and `plan X` for every change X. */
export const COMMANDS: readonly Command[] = [...WRITTEN, ...[...CHANGES.values()].map(planOf)]

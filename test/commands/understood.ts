import type { Understood } from '../../src/commands/command.ts'
import { COMMANDS } from '../../src/commands/registry.ts'
import { KNOWN } from '../../src/commands/not-yet.ts'
import { parse, type ParseContext } from '../../src/commands/parse.ts'
import { inventory, rooms } from './inventory.ts'

/** The sentence in the room ops (no cluster of its own), unless told otherwise. */
export const understand = (text: string, more: Partial<ParseContext> = {}): Understood =>
  parse(text, { commands: COMMANDS, known: KNOWN, inventory, room: rooms.ops, ...more })

/** `drain {"cluster":"p10",...}`, one line for each command; or `refuse CODE`, `ask CODE`, `ignore`. Keys in order of the alphabet. */
export function brief(understood: Understood): string {
  if (understood.result === 'ignore') return 'ignore'
  if (understood.result !== 'command') return `${understood.result} ${understood.code}`
  return understood.commands.map((c) => `${c.command} ${JSON.stringify(sorted(c.args))}`).join('\n')
}

const sorted = (args: Readonly<Record<string, unknown>>): object =>
  Object.fromEntries(Object.entries(args).toSorted(([a], [b]) => (a < b ? -1 : 1)))

/** The sentences offered. */
export const offered = (understood: Understood): readonly string[] =>
  understood.result === 'ask' || understood.result === 'refuse' ? understood.choices.map((c) => c.text) : []

/** What is said, when it is no command. */
export const said = (understood: Understood): string =>
  understood.result === 'ask' || understood.result === 'refuse' ? understood.message : ''

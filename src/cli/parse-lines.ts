import { COMMANDS } from '../commands/index.ts'
import { KNOWN } from '../commands/not-yet.ts'
import { runParse } from './parse.ts'
import { readConfig } from './world.ts'

/** `sluice parse` over stdin and stdout, with the names of the configured registry. */
export async function runParseCommand(options: { readonly config: string; readonly json?: boolean }): Promise<number> {
  const { clusters, people, rooms } = readConfig(options.config)
  const inventory = { clusters, people }
  return runParse({
    json: options.json === true,
    commands: COMMANDS,
    known: KNOWN,
    inventory,
    rooms,
    input: process.stdin,
    output: process.stdout,
  })
}

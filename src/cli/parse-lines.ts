import { COMMANDS } from '../commands/registry.ts'
import { KNOWN } from '../commands/not-yet.ts'
import { runParse } from './parse.ts'
import { readConfig } from './read-config.ts'

/** `sluice parse [--json]`: the registry and the rooms of the configuration, no cluster is asked. */
export async function runParseCommand(options: { readonly json?: boolean; readonly config: string }): Promise<number> {
  const { clusters, people, rooms } = readConfig(options.config)
  await runParse({
    json: options.json === true,
    commands: COMMANDS,
    known: KNOWN,
    inventory: { clusters, people },
    rooms,
    input: process.stdin,
    output: process.stdout,
  })
  return 0
}

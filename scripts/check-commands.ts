import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

/** Compares the files of src/commands with the list in its index.ts: neither may know a command that the other does not. */
type Named = { readonly name: string; readonly kind: 'answer' | 'change' }

const LISTS = new Set(['index.ts', 'registry.ts'])

const isCommand = (value: unknown): value is Named =>
  typeof value === 'object' &&
  value !== null &&
  'kind' in value &&
  'name' in value &&
  (value.kind === 'answer' || value.kind === 'change')

async function load(file: string): Promise<Readonly<Record<string, unknown>>> {
  return (await import(pathToFileURL(file).href)) as Readonly<Record<string, unknown>> // a module is a record of its exports
}

async function written(folder: string): Promise<ReadonlyMap<Named, string>> {
  const files = readdirSync(folder).filter((name) => name.endsWith('.ts') && !LISTS.has(name))
  const found = new Map<Named, string>()
  for (const file of files) {
    for (const value of Object.values(await load(join(folder, file)))) if (isCommand(value)) found.set(value, file)
  }
  return found
}

const folder = join(process.cwd(), 'src', 'commands')
const listed = new Set(Object.values(await load(join(folder, 'index.ts'))).filter(isCommand))
const files = await written(folder)

const complaints = [
  ...[...files]
    .filter(([command]) => !listed.has(command))
    .map(([{ name }, file]) => `src/commands/${file} defines "${name}", which src/commands/index.ts does not list`),
  ...[...listed]
    .filter((command) => !files.has(command))
    .map(({ name }) => `src/commands/index.ts lists "${name}", which no file of src/commands exports`),
  ...(listed.size === 0 ? ['src/commands/index.ts lists no command'] : []),
]
for (const complaint of complaints) console.error(complaint)
process.exitCode = complaints.length === 0 ? 0 : 1

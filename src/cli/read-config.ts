import { type Config, loadConfig } from '../config.ts'

/** Thrown for exit code 2: the complaints have been printed. */
export class BadConfig extends Error {
  override readonly name = 'BadConfig'
}

/** Reads the configuration; prints every complaint to stderr and throws BadConfig when it is not valid. */
export function readConfig(dir: string): Config {
  const loaded = loadConfig(dir)
  if (loaded.ok) return loaded.config
  for (const c of loaded.complaints) process.stderr.write(`CONFIG-BAD ${c.file}:${c.line} ${c.field}: ${c.text}\n`)
  throw new BadConfig(`${loaded.complaints.length} complaints about the configuration`)
}

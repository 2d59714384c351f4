import { mkdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

/** A folder of the user's cache for what the lab makes once. */
export function cacheDir(...names: readonly string[]): string {
  const dir = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'sluice-lab', ...names)
  mkdirSync(dir, { recursive: true })
  return dir
}

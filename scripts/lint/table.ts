/** The import table of ARCHITECTURE.md. Paths are relative to src, with forward slashes: `bot/cards.ts`. */

const LEVELS: Readonly<Record<string, number>> = {
  cli: 6,
  bot: 5,
  commands: 4,
  jobs: 3,
  policies: 2,
  steps: 2,
  systems: 1,
  store: 1,
}
/** Files outside the rooms that everybody may see. */
const SHARED = new Set([
  'errors.ts',
  'errors-chat.ts',
  'errors-store.ts',
  'errors-systems.ts',
  'log.ts',
  'redact.ts',
  'message.ts',
  'person.ts',
  'duration.ts',
  'plan-text.ts',
  'retry.ts',
])
const CONFIG = /^config(-[a-z]+)?\.ts$/
const PORT =
  /^(bot\/chat|commands\/command|jobs\/job|policies\/policy|steps\/step|store\/store|systems\/[^/]+\/port)\.ts$/
const ADAPTER = /^(bot\/(slack|matrix|console)|systems\/[^/]+\/adapter)\.ts$/
/** What a room may import beside its own files, ports below and shared files. */
const MORE: Readonly<Record<string, RegExp>> = {
  bot: /^(commands\/(parse|help)\.ts|store\/)/,
  commands: /^steps\//,
  jobs: /^(policies\/index\.ts|store\/)/,
  practice: /^systems\/[^/]+\/wire(-[a-z]+)?\.ts$/,
}

const roomOf = (path: string): string => (path.includes('/') ? path.slice(0, path.indexOf('/')) : '')
const sameFolder = (a: string, b: string): boolean => a.slice(0, a.lastIndexOf('/')) === b.slice(0, b.lastIndexOf('/'))
/** cli, main.ts and the files main.ts is split into. */
const isRoot = (path: string): boolean =>
  roomOf(path) === 'cli' || (roomOf(path) === '' && !SHARED.has(path) && !CONFIG.test(path))

function rootFile(from: string, to: string, typeOnly: boolean): string | undefined {
  if (SHARED.has(to)) return undefined
  if (!CONFIG.test(to)) return `only cli and main.ts may import ${to}`
  return typeOnly || CONFIG.test(from) ? undefined : `${to} may be imported by type only`
}

/** Why `from` may not import `to`, or undefined when it may. */
export function forbidden(from: string, to: string, typeOnly: boolean): string | undefined {
  if (isRoot(from)) return undefined
  const [mine, theirs] = [roomOf(from), roomOf(to)]
  if (ADAPTER.test(to) && !(theirs === 'systems' && sameFolder(from, to)))
    return `only cli and main.ts import adapters (${to})`
  if (theirs === '') return rootFile(from, to, typeOnly)
  if (theirs === 'practice' && mine !== 'practice') return 'practice is imported by cli and tests only'
  // A shared or config file stands below all rooms: it may know ports, by type.
  if (mine === '') return PORT.test(to) && typeOnly ? undefined : `${from} may import ports by type only (${to})`
  if (mine === theirs || MORE[mine]?.test(to) === true) return undefined
  const below = (LEVELS[theirs] ?? 9) < (LEVELS[mine] ?? 0)
  if (below && PORT.test(to)) return undefined
  // Ports of one level may speak of each other: a step's context names the policies' facts.
  if (typeOnly && PORT.test(from) && PORT.test(to) && LEVELS[theirs] === LEVELS[mine]) return undefined
  return below
    ? `${mine} may import only the ports of ${theirs} (not ${to})`
    : `${mine} must not import from ${theirs} (${to})`
}

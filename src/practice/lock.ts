import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

/** pid and, where /proc tells it, start time: another process that got the same pid later is another. */
const identity = (pid: number): string => {
  const stat = read(`/proc/${pid}/stat`)
  return `${pid} ${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''}`
}

function isRunning(holder: string): boolean {
  const pid = Number(holder.split(' ')[0])
  try {
    process.kill(pid, 0)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EPERM')) return false
  }
  return identity(pid) === holder
}

function take(path: string): boolean {
  // A link appears with its content: nobody ever reads a lock without a holder.
  const mine = `${path}.new.${process.pid}`
  writeFileSync(mine, identity(process.pid), { mode: 0o600 })
  try {
    linkSync(mine, path)
    return true
  } catch {
    return false
  } finally {
    rmSync(mine, { force: true })
  }
}

/** Moves a dead holder's lock away; puts it back when somebody living was faster. */
function breakStale(path: string, dead: string): void {
  const aside = `${path}.${process.pid}`
  try {
    renameSync(path, aside)
    if (read(aside) !== dead) linkSync(aside, path)
  } catch {
    // Somebody else broke it first, or took it meanwhile: the next take() tells.
  }
  rmSync(aside, { force: true })
}

/** Takes the lock file for this process; false while another living process holds it, or is just taking it. */
export function takeLock(path: string): boolean {
  if (take(path)) return true
  const holder = read(path)
  if (holder !== '' && isRunning(holder)) return false
  breakStale(path, holder)
  return take(path)
}

/** Gives the lock back when it is this process's. */
export function dropLock(path: string): void {
  if (read(path) === identity(process.pid)) rmSync(path, { force: true })
}

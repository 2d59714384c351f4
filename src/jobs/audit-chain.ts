import { createHash, randomBytes } from 'node:crypto'
import { z } from 'zod'

/** A place in the chain: the number of an entry (from 1) and its hash. Number 0 is before the first. */
export type Head = { readonly n: number; readonly hash: string }
export const START: Head = { n: 0, hash: '' }

export const digestOf = (text: string): string => `sha256:${createHash('sha256').update(text).digest('hex')}`

/** How the head is stored: one string, so that it is compared and set as one. */
export const headText = ({ n, hash }: Head): string => (n === 0 ? '' : `${n} ${hash}`)

/** `n` is undefined for a head of schema 0, which had no numbers. */
export function readHead(text: string): { readonly n: number | undefined; readonly hash: string } {
  const [, n, hash] = /^(?:(\d+) )?(.*)$/.exec(text) ?? []
  return text === '' ? START : { n: n === undefined ? undefined : Number(n), hash: hash ?? '' }
}

/** What somebody typed, beside the chain: it can be taken away, and the chain, which only has its digest, still holds. */
export type Words = { readonly by: string; readonly text: string }
/** Without its salt a short text could be found again by trying. */
const kept = z.object({ by: z.string(), text: z.string(), salt: z.string() })
export type KeptWords = Words & { readonly salt: string }

export const keepWords = ({ by, text }: Words): KeptWords => ({ by, text, salt: randomBytes(16).toString('hex') })
export const wordsDigest = ({ text, salt }: Pick<KeptWords, 'text' | 'salt'>): string => digestOf(`${salt}\n${text}`)

/** Words as they are stored; undefined for anything else. */
export function readWords(json: string): KeptWords | undefined {
  try {
    return kept.safeParse(JSON.parse(json)).data
  } catch {
    return undefined
  }
}

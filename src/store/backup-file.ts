import { createHash, type Hash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { z } from 'zod'
import { SluiceError } from '../errors.ts'
import type { Part } from './backup.ts'
import { isOurKey } from './keys.ts'
import { writeWhole } from './whole-file.ts'

/**
 * A backup: JSON lines. The first says what it is and who made it, then one line for each part, and the last what there is, with the SHA-256 of every line
 * before it and of itself: a file that was cut off or changed is found before anything is restored.
 */
const FORMAT = 1
const top = z.object({
  sluice: z.literal('backup'),
  format: z.int().min(1),
  schema: z.int().min(1),
  program: z.string(),
  atMs: z.number(),
})
const part = z.strictObject({
  key: z.string().refine(isOurKey),
  type: z.enum(['string', 'list', 'set', 'hash', 'zset', 'stream']),
  rows: z.array(z.array(z.string()).min(1)).min(1),
  until: z.number().optional(),
  more: z.literal(true).optional(),
})
const sum = z.object({ parts: z.int(), jobs: z.int(), bytes: z.int(), atMs: z.number() })
const bottom = z.object({ end: sum, sha256: z.string() })

export type Sum = z.infer<typeof sum>
export type Header = { readonly schema: number; readonly program: string; readonly atMs: number }
export type Backup = { readonly header: Header; readonly end: Sum }

const bad = (file: string, text: string, cause?: unknown): SluiceError =>
  new SluiceError('BACKUP-BAD', `reading ${file}`, { text, cause })

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
const asBad = (file: string, doing: 'reading' | 'writing', error: unknown): SluiceError =>
  error instanceof SluiceError
    ? error
    : new SluiceError('BACKUP-BAD', `${doing} ${file}`, { text: messageOf(error), cause: error })

const WRITE_BYTES = 1 << 20
const isJob = ({ key }: Part): boolean => key.startsWith('{sluice}:job:')

async function fill(out: FileHandle, header: Header, parts: AsyncIterable<Part>, now: () => number): Promise<Sum> {
  const hash = createHash('sha256')
  const jobs = new Set<string>()
  let [waiting, count, bytes] = ['', 0, 0]
  const flush = async (): Promise<void> => {
    const text = Buffer.from(waiting)
    waiting = ''
    bytes += text.length
    hash.update(text)
    await out.write(text)
  }
  waiting = `${JSON.stringify({ sluice: 'backup', format: FORMAT, ...header })}\n`
  for await (const one of parts) {
    count++
    if (isJob(one)) jobs.add(one.key)
    waiting += `${JSON.stringify(one)}\n`
    if (waiting.length >= WRITE_BYTES) await flush()
  }
  await flush()
  const end: Sum = { parts: count, jobs: jobs.size, bytes, atMs: now() }
  const sha256 = hash.update(JSON.stringify(end)).digest('hex')
  await out.write(`${JSON.stringify({ end, sha256 })}\n`)
  return end
}

/** Writes a backup as a whole or not at all; only its owner can read it. Throws BACKUP-BAD when the file cannot be written, and what `parts` throws. */
export async function writeBackup(
  file: string,
  header: Header,
  parts: () => AsyncIterable<Part>,
  now: () => number,
): Promise<Sum> {
  try {
    return await writeWhole(file, (out) => fill(out, header, parts(), now))
  } catch (error) {
    throw asBad(file, 'writing', error)
  }
}

function parsed<T>(file: string, at: number, text: string, schema: z.ZodType<T>): T {
  try {
    const found = schema.safeParse(JSON.parse(text))
    if (found.success) return found.data
  } catch {
    // no JSON: told below
  }
  throw bad(file, `line ${at} is not one of a backup`)
}

type Line = { readonly at: number; readonly text: string; readonly isLast: boolean }

async function* lines(file: string): AsyncGenerator<Line> {
  const input = createReadStream(file)
  let before: string | undefined
  let at = 0
  try {
    for await (const text of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
      if (before !== undefined) yield { at: ++at, text: before, isLast: false }
      before = text
    }
  } finally {
    input.destroy()
  }
  if (before !== undefined) yield { at: ++at, text: before, isLast: true }
}

function closed(file: string, { at, text }: Line, hash: Hash, parts: number): Sum {
  if (!text.startsWith('{"end":')) throw bad(file, 'its end is missing: it was cut off')
  const { end, sha256 } = parsed(file, at, text, bottom)
  if (hash.update(JSON.stringify(end)).digest('hex') !== sha256 || end.parts !== parts)
    throw bad(file, 'its checksum is another one: it was changed or damaged')
  return end
}

/** Every part, handed on as it is read; the whole is proven only when it ends. Throws BACKUP-BAD. */
async function* read(file: string): AsyncGenerator<Part, Backup> {
  const hash = createHash('sha256')
  let header: Header | undefined
  let count = 0
  for await (const line of lines(file)) {
    if (header === undefined) header = parsed(file, 1, line.text, top)
    else if (line.isLast) return { header, end: closed(file, line, hash, count) }
    else {
      const { until, more, ...rest } = parsed(file, line.at, line.text, part)
      count++
      yield { ...rest, ...(until === undefined ? {} : { until }), ...(more === undefined ? {} : { more }) }
    }
    hash.update(`${line.text}\n`)
  }
  throw bad(file, header === undefined ? 'it is empty' : 'its end is missing: it was cut off')
}

/** The first line alone: whether this program may read on. Throws BACKUP-BAD; STORE-NEWER by `check` or for a newer form of file. */
async function begun(file: string, check: (header: Header) => void): Promise<void> {
  for await (const { text } of lines(file)) {
    const { format, ...header } = parsed(file, 1, text, top)
    check(header)
    if (format > FORMAT)
      throw new SluiceError('STORE-NEWER', `reading ${file}`, {
        text: `it has form ${format}, and this Sluice knows up to ${FORMAT}`,
      })
    return
  }
  throw bad(file, 'it is empty')
}

/** Reads all of a backup and keeps nothing: it is whole, and as it was written. Throws BACKUP-BAD, STORE-NEWER, and what `check` throws of its first line. */
export async function proveBackup(file: string, check: (header: Header) => void): Promise<Backup> {
  try {
    await begun(file, check)
    const walk = read(file)
    for (;;) {
      const step = await walk.next()
      if (step.done === true) return step.value
    }
  } catch (error) {
    throw asBad(file, 'reading', error)
  }
}

/** The parts of a backup, which has been proven. Throws BACKUP-BAD where it is another one by now. */
export async function* partsIn(file: string): AsyncGenerator<Part> {
  try {
    yield* read(file)
  } catch (error) {
    throw asBad(file, 'reading', error)
  }
}

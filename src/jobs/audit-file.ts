import { createReadStream } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { basename } from 'node:path'
import { createInterface } from 'node:readline'
import { z } from 'zod'
import { SluiceError } from '../errors.ts'
import { writeWhole } from '../store/whole-file.ts'
import type { Exported } from './audit.ts'
import type { Head } from './audit-chain.ts'
import { AUDIT_SCHEMA } from './audit-entry.ts'
import type { Line, LogLine } from './audit-log.ts'

/**
 * An export: JSON lines, the first with the place before its first entry and the place of its last (the heads), then one line per entry.
 * `entry` is the very text that was hashed; `words`, where they are still there, is JSON of {by, text, salt}.
 */
const place = z.strictObject({ n: z.int().min(0), hash: z.string() })
const top = z.object({ sluice: z.literal('audit'), schema: z.number(), from: place, head: place, atMs: z.number() })
const line = z.object({ n: z.int().min(1), hash: z.string(), entry: z.string(), words: z.string().optional() })
export type Span = { readonly from: Head; readonly head: Head }

const bad = (file: string, text: string, cause?: unknown): SluiceError =>
  new SluiceError('AUDIT-FILE', `reading ${file}`, { text, cause })

function parsed<T>(file: string, at: number, text: string, schema: z.ZodType<T>): T {
  try {
    const found = schema.safeParse(JSON.parse(text))
    if (found.success) return found.data
  } catch {
    // no JSON: told below
  }
  throw bad(file, `line ${at} is not one of an export`)
}

async function* texts(file: string): AsyncGenerator<string> {
  const input = createReadStream(file)
  try {
    for await (const text of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) yield text
  } catch (error) {
    throw bad(file, error instanceof Error ? error.message : String(error), error)
  } finally {
    input.destroy()
  }
}

async function* entries(file: string): AsyncGenerator<Line> {
  let at = 0
  for await (const text of texts(file)) {
    at++
    if (at === 1 || text === '') continue
    const { words, ...rest } = parsed(file, at, text, line)
    yield words === undefined ? rest : { ...rest, words }
  }
}

/** An export as a stretch of the chain; its entries are read when they are walked. Throws AUDIT-FILE, STORE-NEWER. */
export async function openExport(file: string): Promise<Exported> {
  for await (const text of texts(file)) {
    const { from, head, schema } = parsed(file, 1, text, top)
    if (schema > AUDIT_SCHEMA) throw new SluiceError('STORE-NEWER', `reading ${file}`)
    return { name: basename(file), from, head, lines: () => entries(file) }
  }
  throw bad(file, 'it is empty')
}

const WRITE_LINES = 500

async function fill(
  out: FileHandle,
  { from, head }: Span,
  lines: AsyncIterable<readonly Line[]>,
  atMs: number,
): Promise<void> {
  await out.write(`${JSON.stringify({ sluice: 'audit', schema: AUDIT_SCHEMA, from, head, atMs })}\n`)
  let n = from.n
  for await (const page of lines) {
    const wanted = page.slice(0, head.n - n)
    const text = wanted.map(({ entry, hash, words }) => `${JSON.stringify({ n: ++n, hash, entry, words })}\n`)
    for (let i = 0; i < text.length; i += WRITE_LINES) await out.write(text.slice(i, i + WRITE_LINES).join(''))
    if (n >= head.n) break
  }
}

/** Writes an export beside its name, synced, and puts it in its place as a whole. Only the owner can read it. Throws AUDIT-FILE. */
export async function writeExport(
  file: string,
  span: Span,
  lines: AsyncIterable<readonly (Line | LogLine)[]>,
  atMs: number,
): Promise<void> {
  try {
    await writeWhole(file, (out) => fill(out, span, lines, atMs))
  } catch (error) {
    if (error instanceof SluiceError) throw error
    throw new SluiceError('AUDIT-FILE', `writing ${file}`, {
      text: error instanceof Error ? error.message : String(error),
      cause: error,
    })
  }
}

/** Writes an export again with some texts taken away. Throws AUDIT-FILE. */
export async function rewriteExport(file: string, keep: (words: string) => boolean, atMs: number): Promise<void> {
  const { from, head, lines } = await openExport(file)
  async function* fewer(): AsyncGenerator<readonly Line[]> {
    for await (const { words, ...one } of lines()) yield [words !== undefined && keep(words) ? { ...one, words } : one]
  }
  await writeExport(file, { from, head }, fewer(), atMs)
}

import { clockText } from './duration.ts'

/**
 * The neutral message tree. Commands and cards build it; each chat adapter renders it in its own way.
 * A text is hostile until rendered: adapters escape it, nothing in it is ever markup of a platform.
 */
export type Span =
  | string
  | { readonly code: string }
  | { readonly bold: string }
  | { readonly link: string; readonly url: string }
  | { readonly person: string }
  /** A moment, milliseconds since 1970. `shown` says it in one zone and names it: for platforms that cannot say it in each reader's own. */
  | { readonly time: number; readonly shown: string }
export type Text = string | readonly Span[]
export type Tone = 'info' | 'ok' | 'warn' | 'error' | 'practice'
export type StepMark = 'pending' | 'running' | 'done' | 'failed' | 'skipped'

export type Block =
  | { readonly kind: 'heading'; readonly text: Text }
  | { readonly kind: 'text'; readonly text: Text }
  | { readonly kind: 'note'; readonly text: Text; readonly tone: Tone }
  | { readonly kind: 'list'; readonly items: readonly Text[] }
  | { readonly kind: 'fields'; readonly rows: readonly (readonly [string, Text])[] }
  | { readonly kind: 'table'; readonly columns: readonly string[]; readonly rows: readonly (readonly string[])[] }
  | { readonly kind: 'code'; readonly text: string }
  | {
      readonly kind: 'steps'
      readonly items: readonly { readonly title: string; readonly mark: StepMark; readonly note?: string }[]
    }

/** A button repeats a sentence or a gate's word; `id` is stable for one message. */
export type Button = { readonly id: string; readonly label: string; readonly style?: 'primary' | 'danger' }

export type Message = {
  readonly blocks: readonly Block[]
  readonly buttons?: readonly Button[]
  /** Names of people to mention: only when somebody must act, and at the end. */
  readonly mention?: readonly string[]
  /** Reactions the bot puts under the message as a hint (they never count as votes). */
  readonly reactions?: readonly string[]
  /** The whole of what the message says in short. */
  readonly file?: { readonly name: string; readonly text: string }
}

/** One paragraph as a message. */
export const say = (text: Text, tone?: Tone): Message => ({
  blocks: [tone === undefined ? { kind: 'text', text } : { kind: 'note', text, tone }],
})

const spanText = (span: Span): string => {
  if (typeof span === 'string') return span
  if ('code' in span) return `\`${span.code}\``
  if ('bold' in span) return span.bold
  if ('link' in span) return `${span.link} (${span.url})`
  if ('time' in span) return span.shown
  return `@${span.person}`
}

/** A text without any markup but backticks. */
export const flat = (text: Text): string => (typeof text === 'string' ? text : text.map(spanText).join(''))

/** The spans of a text; in a string, what stands between two backticks of one line is code. */
export const spansOf = (text: Text): readonly Span[] =>
  (typeof text === 'string' ? [text] : text).flatMap((span) => (typeof span === 'string' ? pieces(span) : [span]))
const CODE = /`([^`\s](?:[^`\n]*[^`\s])?)`/
const pieces = (text: string): readonly Span[] =>
  text.split(CODE).flatMap((part, i): readonly Span[] => (i % 2 === 1 ? [{ code: part }] : part === '' ? [] : [part]))

/** Those of `mention` whom no text of the message names: they have to be called beside it. */
export function unnamed({ blocks, mention = [] }: Message): readonly string[] {
  const texts = blocks.flatMap((block): readonly Text[] => {
    if ('text' in block) return [block.text]
    if (block.kind === 'list') return block.items
    return block.kind === 'fields' ? block.rows.map(([, value]) => value) : []
  })
  const named = new Set(texts.flatMap((text) => spansOf(text)).flatMap((span) => personOf(span)))
  return mention.filter((name) => !named.has(name))
}
const personOf = (span: Span): readonly string[] => (typeof span !== 'string' && 'person' in span ? [span.person] : [])

/** A moment for somebody who reads in this zone now: `10:03 CET`, or with its day when that is another one. */
export const moment = (ms: number, reader: { readonly timeZone: string; readonly nowMs: number }): Span => ({
  time: ms,
  shown: clockText(ms, reader.timeZone, reader.nowMs),
})

const MARKS: Record<StepMark, string> = { pending: '·', running: '▸', done: '✔', failed: '✘', skipped: '–' }
const ENDED: Record<StepMark, string> = {
  pending: '',
  running: ' (running)',
  done: ' (done)',
  failed: ' (failed)',
  skipped: ' (skipped)',
}

type StepLine = { readonly title: string; readonly mark: StepMark; readonly note?: string }
/** `cordon server23 (done): cordoned`: also in words how far it is; what is still to do has none. */
export const stepWords = ({ title, mark, note }: StepLine): string =>
  `${title}${ENDED[mark]}${note === undefined ? '' : `: ${note}`}`
/** The same behind its sign: `✔ cordon server23 (done)`. */
export const stepText = (step: StepLine): string => `${MARKS[step.mark]} ${stepWords(step)}`

const TONES: Record<Tone, string> = { info: '', ok: '✔ ', warn: '⚠ ', error: '✘ ', practice: '◇ ' }

/** kubectl's way of tables: columns padded, three spaces between. */
export function plainTable(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = columns.map((c, i) => Math.max(c.length, ...rows.map((r) => (r[i] ?? '').length)))
  return [columns, ...rows]
    .map((r) =>
      r
        .map((cell, i) => (i === r.length - 1 ? cell : cell.padEnd(widths[i] ?? 0)))
        .join('   ')
        .trimEnd(),
    )
    .join('\n')
}

function plainBlock(block: Block): string {
  switch (block.kind) {
    case 'heading':
    case 'text':
      return flat(block.text)
    case 'note':
      return TONES[block.tone] + flat(block.text)
    case 'list':
      return block.items.map((item) => `- ${flat(item)}`).join('\n')
    case 'fields':
      return block.rows.map(([name, value]) => `${name}: ${flat(value)}`).join('\n')
    case 'table':
      return plainTable(block.columns, block.rows)
    case 'code':
      return block.text
    case 'steps':
      return block.items.map(stepText).join('\n')
  }
}

/** The message as plain text: the console's `--json`, ticket notes, fallbacks and tests. */
export const plain = (message: Message): string => message.blocks.map(plainBlock).join('\n')

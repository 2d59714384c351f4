import {
  type Block,
  type Message,
  plain,
  type Span,
  spansOf,
  stepText,
  type Text,
  type Tone,
  unnamed,
} from '../message.ts'
import { isWebUrl, showable } from './hostile.ts'

export type Mentions = Readonly<Record<string, string>>
/** What goes into an `m.room.message`: https://spec.matrix.org/latest/client-server-api/#mroommessage-msgtypes */
export type Content = {
  readonly msgtype: 'm.text' | 'm.notice'
  readonly body: string
  readonly format: 'org.matrix.custom.html'
  readonly formatted_body: string
  readonly 'm.mentions': { readonly user_ids?: readonly string[] }
}

/** An event may have 65,536 bytes; an edit carries its content twice. Bytes of UTF-8. */
const HTML_BYTES = 16_000
const BODY_BYTES = 9_000
const BUTTON_BYTES = 150
const BUTTONS = 12

const TONES: Record<Tone, string> = { info: '', ok: '✔ ', warn: '⚠ ', error: '✘ ', practice: '◇ ' }
const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

/** Nothing of the text is HTML afterwards; line ends stay visible. */
export const escapeHtml = (text: string): string => showable(text).replace(/[&<>"']/g, (c) => ENTITIES[c] ?? c)
const lines = (text: string): string => escapeHtml(text).replace(/\n/g, '<br>')

const html = (text: Text, mentions: Mentions): string =>
  spansOf(text)
    .map((span) => spanHtml(span, mentions))
    .join('')

function spanHtml(span: Span, mentions: Mentions): string {
  if (typeof span === 'string') return lines(span)
  if ('code' in span) return `<code>${escapeHtml(span.code)}</code>`
  if ('bold' in span) return `<strong>${lines(span.bold)}</strong>`
  if ('link' in span) {
    return isWebUrl(span.url)
      ? `<a href="${escapeHtml(span.url)}">${lines(span.link || span.url)}</a>`
      : lines(`${span.link} (${span.url})`)
  }
  if ('time' in span) return lines(span.shown)
  const id = Object.hasOwn(mentions, span.person) ? mentions[span.person] : undefined
  return id === undefined ? lines(`@${span.person}`) : pill(id, span.person)
}

const pill = (id: string, name: string): string =>
  `<a href="https://matrix.to/#/${encodeURIComponent(id)}">${escapeHtml(name)}</a>`

function blockHtml(block: Block, mentions: Mentions): string {
  switch (block.kind) {
    // a heading, and where something stands, belong to what follows: clients put a gap after a paragraph, and none after these
    case 'heading':
      return `<div><strong>${html(block.text, mentions)}</strong></div>`
    case 'text':
      return `<p>${html(block.text, mentions)}</p>`
    case 'note':
      return `<div>${TONES[block.tone]}${html(block.text, mentions)}</div>`
    case 'list':
      return `<ul>${block.items.map((item) => `<li>${html(item, mentions)}</li>`).join('')}</ul>`
    case 'fields':
      return `<p>${block.rows.map(([name, value]) => `<strong>${lines(name)}:</strong> ${html(value, mentions)}`).join('<br>')}</p>`
    case 'table':
      return tableHtml(block.columns, block.rows)
    case 'code':
      return `<pre><code>${escapeHtml(block.text)}</code></pre>`
    case 'steps':
      return `<p>${block.items.map((s) => lines(stepText(s))).join('<br>')}</p>`
  }
}

function tableHtml(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  const row = (cells: readonly string[], tag: 'th' | 'td') =>
    `<tr>${cells.map((cell) => `<${tag}>${lines(cell)}</${tag}>`).join('')}</tr>`
  return `<table><thead>${row(columns, 'th')}</thead><tbody>${rows.map((cells) => row(cells, 'td')).join('')}</tbody></table>`
}

const bytes = (text: string): number => Buffer.byteLength(JSON.stringify(text))

/** The text's beginning that fits, without half a character. */
export function fit(text: string, limitBytes: number): string {
  if (bytes(text) <= limitBytes) return text
  let [low, high] = [0, text.length]
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    if (bytes(text.slice(0, middle)) <= limitBytes - 40) low = middle
    else high = middle - 1
  }
  return `${text.slice(0, low).replace(/[\ud800-\udbff]$/, '')}…`
}

/** A block that is too long on its own becomes text without markup, cut at its end. */
function fittingHtml(parts: readonly string[], blocks: readonly Block[]): string {
  let size = 0
  const shown: string[] = []
  for (const [i, part] of parts.entries()) {
    size += bytes(part)
    if (size <= HTML_BYTES) {
      shown.push(part)
      continue
    }
    const block = blocks[i - (parts.length - blocks.length)]
    const room = HTML_BYTES - (size - bytes(part))
    if (room > 1000 && block !== undefined)
      shown.push(`<pre>${escapeHtml(fit(plain({ blocks: [block] }), room / 6))}</pre>`)
    shown.push(`<p>… ${parts.length - i} parts do not fit into one message</p>`)
    break
  }
  return shown.join('')
}

/** What to say instead of pressing a button, where the text does not say it itself: a question that comes with reactions does. */
function answersTo({ buttons = [], reactions = [] }: Message): readonly string[] {
  if (reactions.length > 0) return []
  const said = buttons
    .filter(({ id }) => !id.startsWith('gate:'))
    .map(({ id, label }) => (id.startsWith('say:') ? id.slice('say:'.length) : label))
  return said.slice(0, BUTTONS).map((text) => fit(showable(text), BUTTON_BYTES))
}

/**
 * A message as Matrix content within its size: HTML with everything escaped, and plain text. Buttons become words to answer
 * with, because Matrix has none. With people to mention it is an `m.text`, which notifies, else an `m.notice`, which does not.
 */
export function renderMatrix(message: Message, mentions: Mentions = {}): Content {
  const called = message.mention ?? []
  const ids = called.flatMap((name) => (Object.hasOwn(mentions, name) ? [mentions[name] ?? ''] : []))
  const names = unnamed(message)
    .map((name) => html([{ person: name }], mentions))
    .join(' ')
  const words = answersTo(message)
  const answers =
    words.length === 0 ? '' : `<p>Answer with ${words.map((w) => `<code>${escapeHtml(w)}</code>`).join(' or ')}</p>`
  const parts = [
    ...(names === '' ? [] : [`<p>${names}</p>`]),
    ...message.blocks.map((block) => blockHtml(block, mentions)),
  ]
  const text = [
    called.map((name) => (Object.hasOwn(mentions, name) ? mentions[name] : `@${name}`)).join(' '),
    fit(showable(plain(message)), BODY_BYTES),
    words.length === 0 ? '' : `Answer with ${words.map((w) => `\`${w}\``).join(' or ')}`,
  ]
  return {
    msgtype: called.length > 0 ? 'm.text' : 'm.notice',
    body: text.filter((part) => part !== '').join('\n') || ' ',
    format: 'org.matrix.custom.html',
    formatted_body: fittingHtml(parts, message.blocks) + answers,
    'm.mentions': ids.length === 0 ? {} : { user_ids: ids },
  }
}

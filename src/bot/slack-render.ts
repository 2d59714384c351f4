import {
  type Block,
  type Message,
  plain,
  plainTable,
  type Span,
  spansOf,
  stepText,
  type Text,
  type Tone,
  unnamed,
} from '../message.ts'
import { isWebUrl, showable } from './hostile.ts'

/**
 * Slack's limits, in characters except where said: https://docs.slack.dev/reference/block-kit/blocks and chat.postMessage.
 * `allText` stays below what Slack answers with msg_blocks_too_long.
 */
export const SLACK = {
  blocks: 50,
  elementText: 3000,
  linkText: 300,
  dateText: 40,
  allText: 12_000,
  /** What is shown of a text whose whole is in a file. */
  shortText: 3_500,
  fallbackText: 3900,
  buttonText: 75,
  buttonsPerBlock: 25,
} as const

type Style = { readonly bold?: true; readonly italic?: true; readonly code?: true }
export type Inline =
  | { readonly type: 'text'; readonly text: string; readonly style?: Style }
  | { readonly type: 'link'; readonly url: string; readonly text: string }
  | { readonly type: 'user'; readonly user_id: string }
  | { readonly type: 'date'; readonly timestamp: number; readonly format: string; readonly fallback: string }
type Section = { readonly type: 'rich_text_section'; readonly elements: readonly Inline[] }
export type Rich =
  | Section
  | { readonly type: 'rich_text_preformatted'; readonly elements: readonly Inline[] }
  | { readonly type: 'rich_text_list'; readonly style: 'bullet'; readonly elements: readonly Section[] }
type SlackButton = {
  readonly type: 'button'
  readonly action_id: string
  readonly text: { readonly type: 'plain_text'; readonly text: string; readonly emoji: false }
  readonly style?: 'primary' | 'danger'
}
export type SlackBlock =
  | { readonly type: 'rich_text'; readonly elements: readonly Rich[] }
  | { readonly type: 'actions'; readonly elements: readonly SlackButton[] }
/** `isWhole`: nothing had to be cut. */
export type Rendered = { readonly text: string; readonly blocks: readonly SlackBlock[]; readonly isWhole: boolean }
export type Mentions = Readonly<Record<string, string>>

const TONES: Record<Tone, string> = { info: '', ok: '✔ ', warn: '⚠ ', error: '✘ ', practice: '◇ ' }
/** In each reader's own zone and language; `today` where it is today. */
const MOMENT = '{date_short_pretty} {time}'

/** Slack's control characters in a text field: https://docs.slack.dev/messaging/formatting-message-text#escaping */
export const entities = (text: string): string =>
  text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;')

/** Cuts at line ends where it can, so that each part fits; a surrogate pair is never cut in two. */
export function cut(text: string, limit: number): string[] {
  const parts: string[] = []
  let rest = text
  while (rest.length > limit) {
    const line = rest.lastIndexOf('\n', limit)
    const code = rest.charCodeAt(limit - 1)
    const end = line > limit / 2 ? line : code >= 0xd800 && code < 0xdc00 ? limit - 1 : limit
    parts.push(rest.slice(0, end))
    rest = rest.slice(end === line ? end + 1 : end)
  }
  return [...parts, rest]
}

const words = (text: string, style?: Style): Inline[] =>
  text === ''
    ? []
    : cut(showable(text), SLACK.elementText).map((part) => ({
        type: 'text',
        text: part,
        ...(style === undefined ? {} : { style }),
      }))

/**
 * Spans as rich-text elements. Nothing in a rich-text element is ever read as markup by Slack, so a hostile text needs no
 * escaping; `mentions` maps a person's name to a Slack user id.
 */
export function inline(text: Text, mentions: Mentions = {}, style?: Style): Inline[] {
  return spansOf(text).flatMap((span) => spanInline(span, mentions, style))
}

function spanInline(span: Span, mentions: Mentions, style: Style | undefined): Inline[] {
  if (typeof span === 'string') return words(span, style)
  if ('code' in span) return words(span.code, { ...style, code: true })
  if ('bold' in span) return words(span.bold, { ...style, bold: true })
  if ('link' in span) {
    const label = cut(showable(span.link || span.url), SLACK.linkText)[0] || span.url
    return isWebUrl(span.url)
      ? [{ type: 'link', url: span.url, text: label }]
      : words(`${span.link} (${span.url})`, style)
  }
  if ('time' in span)
    return [
      {
        type: 'date',
        timestamp: Math.floor(span.time / 1000),
        format: MOMENT,
        fallback: cut(showable(span.shown), SLACK.dateText)[0] ?? '',
      },
    ]
  const id = Object.hasOwn(mentions, span.person) ? mentions[span.person] : undefined
  return id === undefined ? words(`@${span.person}`, style) : [{ type: 'user', user_id: id }]
}

const section = (elements: readonly Inline[]): Rich[] =>
  elements.length === 0 ? [] : [{ type: 'rich_text_section', elements }]
const line = (text: Text, mentions: Mentions, style?: Style): Rich[] =>
  text.length === 0 ? [] : section([...inline(text, mentions, style), { type: 'text', text: '\n' }])
const preformatted = (text: string): Rich[] =>
  text === ''
    ? []
    : cut(text, SLACK.elementText).map((part) => ({ type: 'rich_text_preformatted', elements: words(part) }))

function rich(block: Block, mentions: Mentions): Rich[] {
  switch (block.kind) {
    case 'heading':
      return line(block.text, mentions, { bold: true })
    case 'text':
      return line(block.text, mentions)
    case 'note':
      return line(
        [TONES[block.tone], ...spansOf(block.text)],
        mentions,
        block.tone === 'practice' ? { italic: true } : undefined,
      )
    case 'list': {
      const items = block.items.map((item) => inline(item, mentions)).filter((item) => item.length > 0)
      if (items.length === 0) return []
      return [
        {
          type: 'rich_text_list',
          style: 'bullet',
          elements: items.map((elements) => ({ type: 'rich_text_section', elements })),
        },
      ]
    }
    case 'fields':
      return block.rows.flatMap(([name, value]) =>
        line([{ bold: `${name}: ` }, ...(typeof value === 'string' ? [value] : value)], mentions),
      )
    case 'steps':
      return block.items.flatMap((s) => line(stepText(s), mentions))
    case 'table':
      return preformatted(plainTable(block.columns, block.rows))
    case 'code':
      return preformatted(block.text)
  }
}

const sizeOf = (part: Rich): number =>
  part.elements.reduce(
    (sum, e) =>
      sum +
      ('elements' in e ? e.elements : [e]).reduce((n, i) => n + ('text' in i ? i.text.length : SLACK.dateText), 0),
    0,
  )

/** The parts that fit, and a word about those that do not. */
function fitting(
  parts: readonly Rich[],
  limit: number,
  where: string,
): { readonly shown: Rich[]; readonly isWhole: boolean } {
  let size = 0
  const end = parts.findIndex((part) => {
    size += sizeOf(part)
    return size > limit
  })
  if (end < 0) return { shown: [...parts], isWhole: true }
  const rest = section(words(`… ${parts.length - end} more parts do not fit into one message${where}`))
  return { shown: [...parts.slice(0, end), ...rest], isWhole: false }
}

function buttonsOf(message: Message): SlackBlock[] {
  const elements: SlackButton[] = (message.buttons ?? []).map((b) => ({
    type: 'button',
    action_id: b.id,
    text: { type: 'plain_text', text: cut(showable(b.label), SLACK.buttonText)[0] || b.id, emoji: false },
    ...(b.style === undefined ? {} : { style: b.style }),
  }))
  const rows: SlackBlock[] = []
  for (let i = 0; i < elements.length; i += SLACK.buttonsPerBlock)
    rows.push({ type: 'actions', elements: elements.slice(i, i + SLACK.buttonsPerBlock) })
  return rows
}

/** A message as Slack's blocks within its limits, with the plain text for notifications. What is cut is said to be cut. */
export const renderSlack = (message: Message, mentions: Mentions = {}): Rendered =>
  render(message, mentions, SLACK.allText, '')

/** The beginning of a message whose whole text follows as a file. */
export const renderShort = (message: Message, mentions: Mentions = {}): Rendered =>
  render(message, mentions, SLACK.shortText, ': the whole text is in the file below')

function render(message: Message, mentions: Mentions, limit: number, where: string): Rendered {
  const people = (message.mention ?? []).map((person) => ({ person }))
  const called = line(
    unnamed(message).flatMap((person) => [{ person }, ' ']),
    mentions,
  )
  const all = [...called, ...message.blocks.flatMap((block) => rich(block, mentions))]
  const { shown: parts, isWhole } = fitting(all, limit, where)
  const shown: SlackBlock[] = parts.length === 0 ? [] : [{ type: 'rich_text', elements: parts }]
  const at = people
    .map(({ person }) => (Object.hasOwn(mentions, person) ? `<@${mentions[person]}> ` : `@${entities(person)} `))
    .join('')
  return {
    text: at + entities(cut(showable(plain(message)), SLACK.fallbackText / 5)[0] ?? '') || ' ',
    blocks: [...shown, ...buttonsOf(message)],
    isWhole,
  }
}

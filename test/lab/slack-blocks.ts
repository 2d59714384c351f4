import { z } from 'zod'

/** What Slack accepts as blocks, as far as Sluice sends them: unknown fields and broken limits are refused. */
const style = z.strictObject({
  bold: z.boolean().optional(),
  italic: z.boolean().optional(),
  strike: z.boolean().optional(),
  code: z.boolean().optional(),
})
const inline = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('text'), text: z.string().min(1).max(3000), style: style.optional() }),
  z.strictObject({
    type: z.literal('link'),
    url: z.url().max(3000),
    text: z.string().max(3000).optional(),
    style: style.optional(),
  }),
  z.strictObject({ type: z.literal('user'), user_id: z.string().regex(/^[UW][A-Z0-9]{2,}$/), style: style.optional() }),
])
const section = z.strictObject({ type: z.literal('rich_text_section'), elements: z.array(inline).min(1) })
const rich = z.discriminatedUnion('type', [
  section,
  z.strictObject({
    type: z.literal('rich_text_preformatted'),
    elements: z.array(inline).min(1),
    border: z.int().optional(),
  }),
  z.strictObject({ type: z.literal('rich_text_quote'), elements: z.array(inline).min(1) }),
  z.strictObject({
    type: z.literal('rich_text_list'),
    style: z.enum(['bullet', 'ordered']),
    elements: z.array(section).min(1),
    indent: z.int().optional(),
  }),
])
const plainText = (max: number) =>
  z.strictObject({ type: z.literal('plain_text'), text: z.string().min(1).max(max), emoji: z.boolean().optional() })
const button = z.strictObject({
  type: z.literal('button'),
  action_id: z.string().min(1).max(255),
  text: plainText(75),
  value: z.string().max(2000).optional(),
  style: z.enum(['primary', 'danger']).optional(),
})
const blockId = z.string().max(255).optional()
const block = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('rich_text'), block_id: blockId, elements: z.array(rich).min(1) }),
  z.strictObject({ type: z.literal('header'), block_id: blockId, text: plainText(150) }),
  z.strictObject({
    type: z.literal('section'),
    block_id: blockId,
    text: z.strictObject({ type: z.literal('mrkdwn'), text: z.string().min(1).max(3000) }),
  }),
  z.strictObject({ type: z.literal('divider'), block_id: blockId }),
  z.strictObject({ type: z.literal('actions'), block_id: blockId, elements: z.array(button).min(1).max(25) }),
])
export type SlackBlock = z.infer<typeof block>
const blocks = z.array(block).max(50)
/** Slack answers msg_blocks_too_long above about this many characters in all blocks together. */
const ALL_TEXT = 13_200

/** The blocks, or Slack's error word with its messages. */
export function checkBlocks(raw: unknown): { blocks: SlackBlock[] } | { error: string; messages: string[] } {
  const checked = blocks.safeParse(raw)
  if (!checked.success)
    return {
      error: 'invalid_blocks',
      messages: checked.error.issues.map((i) => `[ERROR] ${i.message} [json-pointer:/blocks/${i.path.join('/')}]`),
    }
  const ids = checked.data.flatMap((b) => (b.type === 'actions' ? b.elements.map((e) => e.action_id) : []))
  if (new Set(ids).size !== ids.length)
    return { error: 'invalid_blocks', messages: ['[ERROR] `action_id` must be unique'] }
  if (textOf(checked.data).length > ALL_TEXT) return { error: 'msg_blocks_too_long', messages: [] }
  return { blocks: checked.data }
}

/** What a person sees of the blocks; links as `label <url>`, mentions as `<@U1>`, buttons as `[label]`. */
export function textOf(value: readonly SlackBlock[]): string {
  return value.map(blockText).join('\n')
}

function blockText(b: SlackBlock): string {
  if (b.type === 'divider') return '---'
  if (b.type === 'header' || b.type === 'section') return b.text.text
  if (b.type === 'actions') return b.elements.map((e) => `[${e.text.text}]`).join(' ')
  return b.elements
    .map((part) =>
      part.type === 'rich_text_list'
        ? part.elements.map((s) => `- ${inlineText(s.elements)}\n`).join('')
        : inlineText(part.elements),
    )
    .join('')
}

const inlineText = (elements: readonly z.infer<typeof inline>[]): string =>
  elements
    .map((e) => (e.type === 'text' ? e.text : e.type === 'user' ? `<@${e.user_id}>` : `${e.text ?? ''} <${e.url}>`))
    .join('')

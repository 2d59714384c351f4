import { z } from 'zod'

/** What Slack accepts as blocks, as far as Sluice sends them: unknown fields and broken limits are refused. https://docs.slack.dev/reference/block-kit/blocks */
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
  z.strictObject({
    type: z.literal('date'),
    timestamp: z.int().min(0),
    format: z
      .string()
      .regex(
        /\{(date_num|date|date_short|date_long|date_pretty|date_short_pretty|date_long_pretty|time|time_secs|ago)\}/,
      ),
    url: z.url().optional(),
    fallback: z.string().optional(),
  }),
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
    indent: z.int().max(8).optional(),
  }),
])
export const plainText = (max: number) =>
  z.strictObject({ type: z.literal('plain_text'), text: z.string().min(1).max(max), emoji: z.boolean().optional() })
const button = z.strictObject({
  type: z.literal('button'),
  action_id: z.string().min(1).max(255),
  text: plainText(75),
  value: z.string().max(2000).optional(),
  url: z.url().max(3000).optional(),
  accessibility_label: z.string().max(75).optional(),
  style: z.enum(['primary', 'danger']).optional(),
})
const blockId = z.string().min(1).max(255).optional()
const mrkdwn = (max: number) => z.strictObject({ type: z.literal('mrkdwn'), text: z.string().min(1).max(max) })
const SHOWN = [
  z.strictObject({ type: z.literal('rich_text'), block_id: blockId, elements: z.array(rich).min(1) }),
  z.strictObject({ type: z.literal('header'), block_id: blockId, text: plainText(150) }),
  z.strictObject({
    type: z.literal('section'),
    block_id: blockId,
    text: mrkdwn(3000),
    fields: z.array(mrkdwn(2000)).min(1).max(10).optional(),
  }),
  z.strictObject({ type: z.literal('context'), block_id: blockId, elements: z.array(mrkdwn(3000)).min(1).max(10) }),
  z.strictObject({ type: z.literal('divider'), block_id: blockId }),
  z.strictObject({ type: z.literal('actions'), block_id: blockId, elements: z.array(button).min(1).max(25) }),
] as const
const option = z.strictObject({
  text: plainText(75),
  value: z.string().min(1).max(150),
  description: plainText(75).optional(),
})
const actionId = z.string().min(1).max(255)
const element = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('plain_text_input'),
    action_id: actionId,
    placeholder: plainText(150).optional(),
    initial_value: z.string().optional(),
    multiline: z.boolean().optional(),
    min_length: z.int().min(0).max(3000).optional(),
    max_length: z.int().min(1).max(3000).optional(),
  }),
  z.strictObject({
    type: z.literal('static_select'),
    action_id: actionId,
    placeholder: plainText(150).optional(),
    options: z.array(option).min(1).max(100),
    initial_option: option.optional(),
  }),
  z.strictObject({
    type: z.literal('checkboxes'),
    action_id: actionId,
    options: z.array(option).min(1).max(10),
    initial_options: z.array(option).min(1).optional(),
  }),
])
const input = z.strictObject({
  type: z.literal('input'),
  block_id: blockId,
  label: plainText(2000),
  hint: plainText(2000).optional(),
  optional: z.boolean().optional(),
  element,
})
const messageBlock = z.discriminatedUnion('type', [...SHOWN])
const viewBlock = z.discriminatedUnion('type', [...SHOWN, input])
export type SlackBlock = z.infer<typeof messageBlock>
export type ViewBlock = z.infer<typeof viewBlock>
export const messageBlocks = z.array(messageBlock).max(50)
export const viewBlocks = z.array(viewBlock).max(100)
/** Slack answers msg_blocks_too_long above about this many characters in all blocks together. */
const ALL_TEXT = 13_200

type Wrong = { readonly error: string; readonly messages: string[] }

/** zod's complaints in Slack's form. */
export const complaints = (error: z.ZodError, at: string): string[] =>
  error.issues.map((i) => `[ERROR] ${i.message} [json-pointer:/${at}/${i.path.join('/')}]`)

/** Blocks may not share an id, buttons neither. */
export function twice(value: readonly ViewBlock[]): string | undefined {
  const actions = value.flatMap((b) => (b.type === 'actions' ? b.elements.map((e) => e.action_id) : []))
  const blocks = value.flatMap((b) => (b.block_id === undefined ? [] : [b.block_id]))
  if (new Set(actions).size !== actions.length) return '[ERROR] `action_id` must be unique'
  return new Set(blocks).size === blocks.length ? undefined : '[ERROR] `block_id` must be unique'
}

/** The blocks of a message, or Slack's error word with its messages. */
export function checkBlocks(raw: unknown): { blocks: SlackBlock[] } | Wrong {
  const checked = messageBlocks.safeParse(raw)
  if (!checked.success) return { error: 'invalid_blocks', messages: complaints(checked.error, 'blocks') }
  const double = twice(checked.data)
  if (double !== undefined) return { error: 'invalid_blocks', messages: [double] }
  if (textOf(checked.data).length > ALL_TEXT) return { error: 'msg_blocks_too_long', messages: [] }
  return { blocks: checked.data }
}

/** What a person sees of the blocks; links as `label <url>`, mentions as `<@U1>`, buttons as `[label]`. */
export function textOf(value: readonly ViewBlock[]): string {
  return value.map(blockText).join('\n')
}

function blockText(b: ViewBlock): string {
  if (b.type === 'divider') return '---'
  if (b.type === 'header' || b.type === 'section') return b.text.text
  if (b.type === 'context') return b.elements.map((e) => e.text).join(' ')
  if (b.type === 'actions') return b.elements.map((e) => `[${e.text.text}]`).join(' ')
  if (b.type === 'input') return `${b.label.text}:`
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
    .map((e) => {
      if (e.type === 'text') return e.text
      if (e.type === 'date') return e.fallback ?? ''
      return e.type === 'user' ? `<@${e.user_id}>` : `${e.text ?? ''} <${e.url}>`
    })
    .join('')

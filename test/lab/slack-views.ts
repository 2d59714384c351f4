import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { complaints, plainText, twice, type ViewBlock, viewBlocks } from './slack-blocks.ts'
import { type Answer, type Args, json, no, type SlackState, type View } from './slack-state.ts'

/** https://docs.slack.dev/reference/views */
const common = {
  callback_id: z.string().max(255).optional(),
  private_metadata: z.string().max(3000).optional(),
  external_id: z.string().max(255).optional(),
  blocks: viewBlocks,
}
const viewShape = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('modal'),
    title: plainText(24),
    submit: plainText(24).optional(),
    close: plainText(24).optional(),
    clear_on_close: z.boolean().optional(),
    notify_on_close: z.boolean().optional(),
    submit_disabled: z.boolean().optional(),
    ...common,
  }),
  z.strictObject({ type: z.literal('home'), ...common }),
])
type Checked = z.infer<typeof viewShape>

/** The view, or what Slack says against it. */
export function checkView(raw: unknown): Checked | Answer {
  const checked = viewShape.safeParse(raw)
  if (!checked.success) return no('invalid_arguments', complaints(checked.error, 'view'))
  const double = twice(checked.data.blocks)
  if (double !== undefined) return no('invalid_arguments', [double])
  const asks = checked.data.blocks.some((b) => b.type === 'input')
  if (checked.data.type === 'modal' && asks && checked.data.submit === undefined)
    return no('invalid_arguments', ['[ERROR] a modal with input blocks needs `submit`'])
  return checked.data
}
const isAnswer = (value: Checked | Answer): value is Answer => 'ok' in value

const stored = (view: View): Record<string, unknown> => ({
  id: view.id,
  hash: view.hash,
  type: view.type,
  ...view.content,
})

function keep(s: SlackState, user: string, content: Checked, id = `V${s.views.size + 1}`): Answer {
  const view: View = { id, user, type: content.type, hash: randomUUID(), content, open: true }
  s.views.set(id, view)
  return { ok: true, view: stored(view) }
}

export function openView(args: Args, s: SlackState): Answer {
  const user = s.triggers.get(args['trigger_id'] ?? '')
  if (user === undefined) return no('invalid_trigger_id')
  if (user === '') return no('exchanged_trigger_id')
  const view = checkView(json(args['view']))
  if (isAnswer(view)) return view
  if (view.type !== 'modal') return no('invalid_arguments', ['[ERROR] only a modal can be opened'])
  s.triggers.set(args['trigger_id'] ?? '', '')
  return keep(s, user, view)
}

export function updateView(args: Args, s: SlackState): Answer {
  const before = s.views.get(args['view_id'] ?? '')
  if (before === undefined || !before.open) return no('not_found')
  if (args['hash'] !== undefined && args['hash'] !== before.hash) return no('hash_conflict')
  const view = checkView(json(args['view']))
  return isAnswer(view) ? view : keep(s, before.user, view, before.id)
}

export function publishView(args: Args, s: SlackState): Answer {
  const user = args['user_id'] ?? ''
  if (!s.users.has(user)) return no('user_not_found')
  const view = checkView(json(args['view']))
  if (isAnswer(view)) return view
  return view.type === 'home'
    ? keep(s, user, view, `H${user}`)
    : no('invalid_arguments', ['[ERROR] only a home can be published'])
}

const blocksOf = (view: View): readonly ViewBlock[] => viewBlocks.parse(view.content['blocks'])

/** What the person filled in, as Slack sends it: by the label of the field, or of a box. */
export function stateOf(view: View, given: Readonly<Record<string, string | true>>): Record<string, unknown> {
  const values: Record<string, unknown> = {}
  for (const block of blocksOf(view)) {
    if (block.type !== 'input') continue
    const { element, label } = block
    const text = given[label.text]
    const chosen = (options: readonly { text: { text: string }; value: string }[], name: unknown) =>
      options.find((o) => o.text.text === name) ?? null
    const value =
      element.type === 'plain_text_input'
        ? { type: element.type, value: typeof text === 'string' && text !== '' ? text : null }
        : element.type === 'static_select'
          ? { type: element.type, selected_option: chosen(element.options, text) }
          : { type: element.type, selected_options: element.options.filter((o) => given[o.text.text] === true) }
    values[block.block_id ?? ''] = { [element.action_id]: value }
  }
  return { values }
}

/** Labels of what can be filled in, as the person sees them. */
export const labelsOf = (view: View): readonly string[] =>
  blocksOf(view).flatMap((b) => (b.type === 'input' ? [b.label.text] : []))

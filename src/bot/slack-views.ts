import { z } from 'zod'
import type { Form, FormField, FormValues } from '../commands/command.ts'
import type { Message } from '../message.ts'
import { cut, renderSlack, type SlackBlock } from './slack-render.ts'

/** Slack's limits of a view, in characters except where said: https://docs.slack.dev/reference/views and block-elements. */
const VIEW = {
  title: 24,
  label: 2000,
  hint: 2000,
  options: 100,
  optionText: 75,
  optionValue: 150,
  checkboxes: 10,
  home: 100,
}

type Words = { readonly type: 'plain_text'; readonly text: string; readonly emoji: false }
type Option = { readonly text: Words; readonly value: string }
type Element =
  | { readonly type: 'plain_text_input'; readonly action_id: 'v'; readonly max_length: number }
  | { readonly type: 'static_select'; readonly action_id: 'v'; readonly options: readonly Option[] }
  | { readonly type: 'checkboxes'; readonly action_id: 'v'; readonly options: readonly Option[] }
type Input = {
  readonly type: 'input'
  readonly block_id: string
  readonly label: Words
  readonly optional: boolean
  readonly hint?: Words
  readonly element: Element
}
export type Modal = {
  readonly type: 'modal'
  readonly callback_id: string
  readonly title: Words
  readonly submit: Words
  readonly close: Words
  readonly private_metadata: string
  readonly blocks: readonly (Input | SlackBlock)[]
}
/** Where a form was opened: the channel, or a choice of channels inside the form. */
export type Opened = { readonly channel: string } | { readonly channels: readonly { id: string; name: string }[] }

const FLAGS = 'flags'
const WHERE = 'where'
const CALLBACK = 'form:'

const words = (text: string, limit: number): Words => ({
  type: 'plain_text',
  text: cut(text, limit)[0] || ' ',
  emoji: false,
})
const option = (value: string, text = value): Option => ({ text: words(text, VIEW.optionText), value })
const fits = (value: string): boolean => value.length > 0 && value.length <= VIEW.optionValue
const select = (options: readonly Option[]): Element => ({
  type: 'static_select',
  action_id: 'v',
  options: options.filter((o) => fits(o.value)).slice(0, VIEW.options),
})

function inputOf(field: FormField): Input {
  const element: Element =
    field.kind === 'choice'
      ? select(field.choices.map((c) => option(c)))
      : { type: 'plain_text_input', action_id: 'v', max_length: 500 }
  return {
    type: 'input',
    block_id: field.id,
    label: words(field.label, VIEW.label),
    optional: field.optional,
    ...(field.hint === undefined ? {} : { hint: words(field.hint, VIEW.hint) }),
    element,
  }
}

/** All flags are boxes of one block. */
function flagsOf(fields: readonly FormField[]): Input[] {
  const options = fields.filter((f) => f.kind === 'flag').map((f) => option(f.id, f.label))
  if (options.length === 0) return []
  const element = { type: 'checkboxes', action_id: 'v', options: options.slice(0, VIEW.checkboxes) } as const
  return [{ type: 'input', block_id: FLAGS, label: words('Options', VIEW.label), optional: true, element }]
}

/** The form as a modal; what is sent back is told by `filledIn`. */
export function formView(form: Form, opened: Opened): Modal {
  const about: Message = {
    blocks: [{ kind: 'text', text: [`${form.summary}. The same as saying `, { code: form.example }] }],
  }
  const title = form.name.charAt(0).toUpperCase() + form.name.slice(1)
  const where: Input[] =
    'channel' in opened
      ? []
      : [
          {
            type: 'input',
            block_id: WHERE,
            label: words('Where to ask', VIEW.label),
            optional: false,
            element: select(opened.channels.map(({ id, name }) => option(id, name))),
          },
        ]
  return {
    type: 'modal',
    callback_id: `${CALLBACK}${form.name}`,
    title: words(title, VIEW.title),
    submit: words('Ask', VIEW.title),
    close: words('Cancel', VIEW.title),
    private_metadata: JSON.stringify('channel' in opened ? { channel: opened.channel } : {}),
    blocks: [
      ...renderSlack(about).blocks,
      ...where,
      ...form.fields.filter((f) => f.kind !== 'flag').map(inputOf),
      ...flagsOf(form.fields),
    ],
  }
}

const valueShape = z.looseObject({
  value: z.string().nullish(),
  selected_option: z.object({ value: z.string() }).nullish(),
  selected_options: z.array(z.object({ value: z.string() })).optional(),
})
const submissionShape = z.object({
  type: z.literal('view_submission'),
  team: z.object({ id: z.string() }).nullish(),
  user: z.object({ id: z.string() }),
  view: z.object({
    id: z.string(),
    callback_id: z.string(),
    private_metadata: z.string().default(''),
    state: z.object({ values: z.record(z.string(), z.record(z.string(), valueShape)) }),
  }),
})
const openedShape = z.object({ channel: z.string().optional() })

export type FilledIn = {
  readonly form: string
  readonly view: string
  readonly user: string
  readonly channel: string | undefined
  readonly values: FormValues
  /** The block that holds a field, for complaints. */
  readonly blockOf: (field: string) => string
}

/** A submitted form, or undefined for any other body. */
export function filledIn(body: unknown): FilledIn | undefined {
  const { data } = submissionShape.safeParse(body)
  if (data === undefined || !data.view.callback_id.startsWith(CALLBACK)) return undefined
  const { id, callback_id, private_metadata, state } = data.view
  const given = Object.entries(state.values).map(([block, elements]) => [block, elements['v']] as const)
  const flags = given.find(([block]) => block === FLAGS)?.[1]?.selected_options ?? []
  const texts = given.flatMap(([block, v]) => {
    const text = v?.value ?? v?.selected_option?.value
    return text === undefined || block === WHERE ? [] : [[block, text] as const]
  })
  const flagNames = new Set(flags.map((f) => f.value))
  return {
    form: callback_id.slice(CALLBACK.length),
    view: id,
    user: data.user.id,
    channel: channelOf(private_metadata) ?? given.find(([block]) => block === WHERE)?.[1]?.selected_option?.value,
    values: {
      ...Object.fromEntries(texts),
      ...Object.fromEntries([...flagNames].map((name) => [name, true as const])),
    },
    blockOf: (field) =>
      Object.hasOwn(state.values, field) ? field : flagNames.has(field) ? FLAGS : (given[0]?.[0] ?? field),
  }
}

function channelOf(metadata: string): string | undefined {
  try {
    return openedShape.parse(JSON.parse(metadata)).channel
  } catch {
    return undefined
  }
}

/** The form a shortcut asks for: `form:drain`. */
export const formOfCallback = (callback: string): string | undefined =>
  callback.startsWith(CALLBACK) ? callback.slice(CALLBACK.length) : undefined

/** What a person sees on the app's own page. */
export const homeView = (message: Message): { readonly type: 'home'; readonly blocks: readonly SlackBlock[] } => ({
  type: 'home',
  blocks: renderSlack(message).blocks.slice(0, VIEW.home),
})

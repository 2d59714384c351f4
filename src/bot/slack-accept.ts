import type { ReceiverEvent } from '@slack/bolt'
import type { WebClient } from '@slack/web-api'
import { z } from 'zod'
import type { Filled, Form, FormValues } from '../commands/command.ts'
import { within } from '../duration.ts'
import { asSluiceError } from '../errors.ts'
import type { Log } from '../log.ts'
import { type Message, say } from '../message.ts'
import { redact } from '../redact.ts'
import type { Chat, Incoming } from './chat.ts'
import { incomingOfAsked, show } from './slack-asked.ts'
import { slackError } from './slack-error.ts'
import { incomingOf, isDirect, responseUrl, type Self } from './slack-events.ts'
import type { Faces } from './slack-outsiders.ts'
import { renderSlack } from './slack-render.ts'
import { typedText } from './slack-names.ts'
import { type FilledIn, filledIn, formOfCallback, formView, homeView } from './slack-views.ts'

/** What the adapter shows without knowing what it is about. All but the log may be left out. */
export type SlackAids = {
  /** What one can say here. */
  readonly help?: (user: string, channel: string) => Promise<Message>
  /** A person's own page. */
  readonly home?: (user: string) => Promise<Message>
  readonly forms?: {
    readonly list: () => readonly Form[]
    readonly sentence: (form: string, values: FormValues, channel: string) => Filled
  }
  /** Where people may ask. */
  readonly channels?: () => readonly { readonly id: string; readonly name: string }[]
}
export type Accepting = {
  readonly client: WebClient
  readonly self: Self
  readonly aids: SlackAids
  readonly faces: Faces
  readonly post: Chat['post']
  /** Stores what happened. */
  readonly tell: (incoming: Incoming) => Promise<void>
  /** The same for what Slack sends by itself, in its order. */
  readonly tellInOrder: (incoming: Incoming) => Promise<void>
  readonly log: Log
}
/** `answer` goes back with the acknowledgement, `after` is done once it is gone. */
type Taken = { readonly answer?: unknown; readonly after?: () => Promise<unknown> }

const commandShape = z.object({
  command: z.string(),
  text: z.string().default(''),
  team_id: z.string(),
  channel_id: z.string(),
  user_id: z.string(),
  trigger_id: z.string(),
})
type SlashCommand = z.infer<typeof commandShape>
const shortcutShape = z.object({ type: z.literal('shortcut'), callback_id: z.string(), trigger_id: z.string() })
const suggestionShape = z.object({ type: z.literal('block_suggestion') })
const homeShape = z.object({
  type: z.literal('event_callback'),
  event: z.object({ type: z.literal('app_home_opened'), user: z.string(), tab: z.literal('home') }),
})
const FEEDBACK_MS = 3_000

const privately = (message: Message): Taken => {
  const { text, blocks } = renderSlack(message)
  return { answer: { response_type: 'ephemeral', text, blocks } }
}
const sayPrivately = (text: string): Taken => privately({ blocks: [{ kind: 'text', text }] })

/**
 * Takes one body from Slack: stores what happened, then acknowledges; nothing stays unacknowledged but what could not be
 * stored, so that Slack sends it again. Slow work comes after the acknowledgement.
 */
export function acceptor(accepting: Accepting): (event: ReceiverEvent) => Promise<void> {
  const pressed = doublePresses()
  return async ({ body, ack }) => {
    const taken = await take(accepting, pressed, body).catch((error: unknown) => {
      accepting.log.error(
        { error: slackError(error, 'taking an event').message },
        'a Slack event could not be stored; it is not acknowledged',
      )
      throw error
    })
    await ack(taken.answer)
    await taken.after?.().catch((error: unknown) => {
      accepting.log.warn({ error: slackError(error, 'answering in Slack').message }, 'Slack was not answered')
    })
  }
}

type Pressed = ReturnType<typeof doublePresses>

async function take(accepting: Accepting, pressed: Pressed, body: unknown): Promise<Taken> {
  const command = commandShape.safeParse(body)
  if (command.success) return slash(accepting, command.data)
  const filled = filledIn(body)
  if (filled !== undefined) return submitted(accepting, filled)
  const shortcut = shortcutShape.safeParse(body)
  if (shortcut.success) return openFromShortcut(accepting, shortcut.data)
  if (suggestionShape.safeParse(body).success) return { answer: { options: [] } }
  const home = homeShape.safeParse(body)
  if (home.success) return { after: () => publishHome(accepting, home.data.event.user) }
  const all = incomingOf(body, accepting.self, Date.now()).map(pressed)
  for (const incoming of all) await accepting.tellInOrder(incoming)
  const url = all.some((i) => i.kind === 'press') ? responseUrl(body) : undefined
  return url === undefined ? {} : { after: () => sayPressed(url) }
}

/** A second press of the same button within seconds is the first one again, also across the turn of its time. */
function doublePresses(): (incoming: Incoming) => Incoming {
  const DOUBLE_MS = 5_000
  let last: { readonly key: string; readonly event: string; readonly atMs: number } | undefined
  return (incoming) => {
    if (incoming.kind !== 'press') return incoming
    const key = incoming.event.slice(0, incoming.event.lastIndexOf(':'))
    const again = last?.key === key && incoming.sentAtMs - last.atMs < DOUBLE_MS ? last : undefined
    last = again ?? { key, event: incoming.event, atMs: incoming.sentAtMs }
    return { ...incoming, event: last.event }
  }
}

/** The presser sees at once that the press has arrived; what comes of it is said by the bot. */
const sayPressed = (url: string): Promise<unknown> =>
  fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      response_type: 'ephemeral',
      replace_original: false,
      text: 'Taken. The answer follows here.',
    }),
    signal: within(FEEDBACK_MS),
  })

const canAskIn = ({ aids }: Accepting, channel: string): boolean =>
  isDirect(channel) || aids.channels === undefined || aids.channels().some(({ id }) => id === channel)

const NOT_HERE = 'Sluice does not listen in this channel. Ask where it does, or an operator to configure this one.'
const INVITE = 'Sluice is not a member of this channel: invite it, then ask again.'

async function slash(accepting: Accepting, command: SlashCommand): Promise<Taken> {
  const { aids, self } = accepting
  if (command.team_id !== self.team) return sayPrivately('Sluice works for its own workspace only.')
  const text = typedText(command.text, self.user)
  if (/^(help|hilfe|\?)?$/i.test(text))
    return aids.help === undefined
      ? sayPrivately('Say what to do after the command.')
      : privately(await aids.help(command.user_id, command.channel_id).catch(apology))
  if (!canAskIn(accepting, command.channel_id)) return sayPrivately(NOT_HERE)
  const form = formIn(accepting, text)
  if (form !== undefined) return openForm(accepting, form, command)
  const { name } = await accepting.faces(command.user_id)
  const asked = {
    id: `command:${command.trigger_id}`,
    user: command.user_id,
    name,
    channel: command.channel_id,
    text,
    atMs: Date.now(),
  }
  const shown = await show(accepting.post, asked)
  if (shown === 'nowhere') return sayPrivately(INVITE)
  await accepting.tell(incomingOfAsked(asked, shown, self))
  // with nothing posted, Slack shows the command itself to everybody
  return shown.at === undefined ? { answer: { response_type: 'in_channel' } } : {}
}

/** Nothing was to be stored, so there is nothing Slack should send again. */
const apology = (error: unknown): Message => {
  const known = asSluiceError(error, 'answering a Slack command')
  return say([`${redact(known.message)}. `, known.next], 'error')
}

/** `form drain`, or `drain` with nothing else. */
const formIn = ({ aids }: Accepting, text: string): Form | undefined => {
  const name = text.replace(/^form\s+/i, '').toLowerCase()
  return aids.forms?.list().find((form) => form.name === name)
}

async function openForm(accepting: Accepting, form: Form, command: SlashCommand): Promise<Taken> {
  const view = formView(form, { channel: command.channel_id })
  try {
    await accepting.client.apiCall('views.open', { trigger_id: command.trigger_id, view })
    return {}
  } catch (error) {
    accepting.log.warn({ error: slackError(error, 'opening a form').message }, 'a Slack form could not be opened')
    return sayPrivately(`The form could not be opened. Type the sentence, for example: ${form.example}`)
  }
}

async function openFromShortcut(
  accepting: Accepting,
  shortcut: { readonly callback_id: string; readonly trigger_id: string },
): Promise<Taken> {
  const name = formOfCallback(shortcut.callback_id)
  const form = accepting.aids.forms?.list().find((f) => f.name === name)
  const channels = accepting.aids.channels?.() ?? []
  if (form === undefined || channels.length === 0) return {}
  const view = formView(form, { channels })
  return { after: () => accepting.client.apiCall('views.open', { trigger_id: shortcut.trigger_id, view }) }
}

async function submitted(accepting: Accepting, filled: FilledIn): Promise<Taken> {
  const { aids, self } = accepting
  const complain = (errors: Readonly<Record<string, string>>): Taken => ({
    answer: {
      response_action: 'errors',
      errors: Object.fromEntries(Object.entries(errors).map(([field, text]) => [filled.blockOf(field), text])),
    },
  })
  const { channel } = filled
  if (channel === undefined || !canAskIn(accepting, channel)) return complain({ where: NOT_HERE })
  const read = aids.forms?.sentence(filled.form, filled.values, channel) ?? {
    errors: { '': 'There is no such form any more.' },
  }
  if ('errors' in read) return complain(read.errors)
  const { name } = await accepting.faces(filled.user)
  const asked = {
    id: `form:${filled.view}`,
    user: filled.user,
    name,
    channel,
    text: read.sentence,
    atMs: Date.now(),
  }
  const shown = await show(accepting.post, asked)
  if (shown === 'nowhere') return complain({ '': INVITE })
  await accepting.tell(incomingOfAsked(asked, shown, self))
  return {}
}

async function publishHome({ aids, client }: Accepting, user: string): Promise<void> {
  if (aids.home === undefined) return
  await client.apiCall('views.publish', { user_id: user, view: homeView(await aids.home(user)) })
}

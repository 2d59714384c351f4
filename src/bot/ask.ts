import type { Fill } from '../commands/command.ts'
import { humanSpan } from '../duration.ts'
import { type Refusal, refuse } from '../errors.ts'
import type { Block, Message } from '../message.ts'
import { type AskedBack, type Pending, readPending, setPending, settledBy, settleOnce } from '../store/messages.ts'
import type { Store } from '../store/store.ts'
import type { Place } from './chat.ts'
import type { OutItem } from './outbox.ts'
import { placeKey } from './places.ts'

const OPEN_MS = 10 * 60_000
const OFFERED_MS = 24 * 3_600_000
const DIGITS = ['1️⃣', '2️⃣', '3️⃣', '4️⃣', '5️⃣', '6️⃣', '7️⃣', '8️⃣', '9️⃣']

export type AskDeps = {
  readonly store: Store
  readonly send: (item: OutItem) => Promise<void>
  readonly nowMs: () => number
}
/** Whom something is asked, and the event that makes it ask: the same event asks once. */
export type Whom = {
  readonly person: string
  readonly place: Place
  readonly event: string
  readonly thread?: string
}
export type Choice = { readonly label: string; readonly text: string }
export type Back = {
  /** What is said above the choices. */
  readonly blocks: readonly Block[]
  readonly choices: readonly Choice[]
  readonly fill?: Fill
  /** A sentence to be taken up or left: it does not expire, and nothing newer replaces it. */
  readonly offer?: true
}

/** The place in a list a reaction stands for, from 0; -1 when it is no digit. */
export const digitOf = (emoji: string): number =>
  DIGITS.map((d) => d.replace('\ufe0f', '')).indexOf(emoji.replaceAll('\ufe0f', ''))

const whoIn = ({ place, person }: Pick<Whom, 'place' | 'person'>): string => `${placeKey(place)}:${person}`

/** Asks one person back; only they can answer: by a number, a name, a reaction or a button, within ten minutes. */
export async function askBack(deps: AskDeps, whom: Whom, { blocks, choices, fill, offer }: Back): Promise<void> {
  const { person, place, event, thread } = whom
  const isOffer = offer === true
  const where = thread === undefined ? {} : { thread }
  await setPending(deps.store, whoIn(whom), {
    id: event,
    untilMs: deps.nowMs() + (isOffer ? OFFERED_MS : OPEN_MS),
    offer: isOffer,
    choices: [...(isOffer ? await otherOffers(deps, whom) : []), ...choices.map((c) => ({ ...c, id: event }))],
    ...where,
    ...(fill === undefined ? {} : { fill: { before: fill.before, after: fill.after } }),
  })
  const message: Message = {
    blocks: [...blocks, ...(isOffer ? [] : list(choices)), ...hint(choices, fill, isOffer)],
    buttons: choices.map((c) => ({ id: `say:${c.text}`, label: c.label })),
    reactions: DIGITS.slice(0, choices.length),
  }
  const asked: AskedBack = { id: event, person, ...(isOffer ? {} : { untilMs: deps.nowMs() + OPEN_MS }) }
  await deps.send({ kind: 'say', key: `ask:${event}`, to: person, place, message, asked, ...where })
}

/** An offer that comes with others does not replace them: `yes` is then asked which. */
async function otherOffers(deps: AskDeps, whom: Whom): Promise<Pending['choices']> {
  const before = await readPending(deps.store, whoIn(whom))
  return before?.offer === true
    ? free(
        deps,
        before.choices.filter((c) => c.id !== whom.event),
        whom.event,
      )
    : []
}

/** Those that nobody answered, but by this event. */
async function free(deps: AskDeps, choices: Pending['choices'], event: string): Promise<Pending['choices']> {
  const by = await Promise.all(choices.map(({ id }) => settledBy(deps.store, `asked:${id}`)))
  return choices.filter((_, i) => by[i] === undefined || by[i] === event)
}

const list = (choices: readonly Choice[]): readonly Block[] =>
  choices.length === 0 ? [] : [{ kind: 'text', text: choices.map((c, i) => `${i + 1}. ${c.label}`).join('\n') }]

function hint(choices: readonly Choice[], fill: Fill | undefined, offer: boolean): readonly Block[] {
  const [first] = choices
  if (first === undefined && fill === undefined) return []
  const how =
    first === undefined
      ? 'answer with the missing part'
      : choices.length === 1
        ? 'answer `yes`, or react with 1️⃣ for yes'
        : 'answer with the number or the name, or react with the digit'
  const text = offer ? `${how.charAt(0).toUpperCase()}${how.slice(1)}.` : `Within ${humanSpan(OPEN_MS)}: ${how}.`
  return [{ kind: 'text', text }]
}

/** What this person was asked last here, and whether it can still be answered by what was said at that time. */
export async function pendingFor(
  deps: AskDeps,
  whom: Whom,
  atMs: number,
): Promise<{ readonly pending: Pending; readonly state: 'open' | 'late' | 'closed' } | undefined> {
  const pending = await readPending(deps.store, whoIn(whom))
  if (pending === undefined || pending.id === whom.event) return undefined
  const open = await free(deps, [...pending.choices, { label: '', text: '', id: pending.id }], whom.event)
  const choices = open.filter((c) => c.label !== '')
  if (choices.length === 0 && (pending.choices.length > 0 || open.length === 0)) return { pending, state: 'closed' }
  return { pending: { ...pending, choices }, state: atMs <= pending.untilMs ? 'open' : 'late' }
}

/** What was answered, or is replaced by something newer, can no longer be taken up. Of offers only the one that was taken is settled. */
export async function settle(
  deps: AskDeps,
  whom: Whom,
  pending: Pending,
  taken: string | undefined,
  all = !pending.offer,
): Promise<void> {
  const ids = all
    ? [pending.id, ...pending.choices.map((c) => c.id)]
    : pending.choices.flatMap((c) => (c.text === taken ? [c.id] : []))
  for (const id of new Set(ids)) await settleOnce(deps.store, `asked:${id}`, whom.event)
}

/** Why this person may not take up, by this event, what a message asks back; undefined when they may: then it is settled. */
export async function takeUp(
  deps: AskDeps,
  whom: Whom,
  asked: AskedBack,
  chosen: string,
  atMs: number,
): Promise<Refusal | undefined> {
  const instead = { next: `If you want it too, say \`${chosen}\`.` }
  if (asked.person !== whom.person) return refuse('QUESTION-OTHERS', `This was asked of ${asked.person}.`, instead)
  if (asked.untilMs !== undefined && atMs > asked.untilMs) return late(chosen)
  const by = await settleOnce(deps.store, `asked:${asked.id}`, whom.event)
  return by === whom.event ? undefined : refuse('QUESTION-CLOSED')
}

/** An answer that came too late, with the sentence it would have stood for. */
export const late = (chosen: string): Refusal =>
  refuse('QUESTION-LATE', undefined, { next: `If you still want it, say \`${chosen}\`.` })

/** The sentence a late reply would have stood for. */
export function choiceOf(text: string, { choices }: Pending): string | undefined {
  const reply = text.trim().toLowerCase()
  return choices.find(({ label }, i) => [String(i + 1), label.toLowerCase()].includes(reply))?.text
}

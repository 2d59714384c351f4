import { asSluiceError } from '../errors.ts'
import type { Revision } from '../jobs/job.ts'
import { type Block, plain } from '../message.ts'
import { redact } from '../redact.ts'
import { noteWritten, notesWritten, readDrawn } from '../store/drawn.ts'
import { Paced } from './budget.ts'
import { NOTES, type NoteKind, noteText } from './note-text.ts'
import { placeKey, placesOf, roomOf } from './places.ts'
import { chatOf, type OutboxDeps, type Turn } from './send.ts'

/** Whether a note is due that is not known to be written. */
export async function notesAreDue(deps: OutboxDeps, revision: Revision): Promise<boolean> {
  return (await dueNotes(deps, revision)).length > 0
}

/** One platform may be slower than the other: the first note waits so long for the cards it links. */
const CARDS_LIMIT_MS = 15_000
const CARDS_POLL_MS = 250

type Due = { readonly kind: NoteKind; readonly text: string }

async function dueNotes(deps: OutboxDeps, revision: Revision): Promise<readonly Due[]> {
  if (revision.asked.ticket === undefined || deps.tickets === undefined || revision.state === 'refused') return []
  const written = await notesWritten(deps.store, revision.job)
  const flatPlan = (blocks: readonly Block[]): string => plain({ blocks })
  return NOTES.flatMap((kind) => {
    const text = noteText(kind, revision, flatPlan)
    return written.has(kind) || text === undefined ? [] : [{ kind, text }]
  })
}

/** The ticket is one more place: four entries, in order, each once, the marker is looked for before writing. Throws when Redmine does not take one. */
export async function writeNotes(turn: Turn, job: string): Promise<void> {
  const revision = await turn.jobs.get(job)
  const ticket = revision?.asked.ticket
  if (revision === undefined || ticket === undefined) return
  for (const { kind, text } of await dueNotes(turn, revision)) {
    const links = kind === 'plan' ? await linksToCards(turn, revision) : []
    turn.signal.throwIfAborted()
    await watched(turn, async () =>
      turn.tickets?.(ticket, { marker: `sluice:${job}:${kind}`, text: redact(text), links }, turn),
    )
    await noteWritten(turn.store, job, kind)
  }
}

const AWAY: ReadonlySet<string> = new Set(['REDMINE-UNREACHABLE', 'REDMINE-AUTH'])

/** A Redmine that is away is reported once, and once when it is back. */
async function watched({ redmine, mine }: Turn, write: () => Promise<unknown>): Promise<void> {
  try {
    await write()
    redmine?.({ up: true })
  } catch (error) {
    // a process that stood still takes its own silence for the other side's
    mine()
    const { code, message, next } = asSluiceError(error, 'writing to a ticket')
    if (AWAY.has(code)) redmine?.({ up: false, code, text: message, next })
    throw error
  }
}

/** The other half of "linked both ways": the card names the ticket, the first note names the card. */
async function linksToCards(deps: OutboxDeps, { job, asked, plan }: Revision): Promise<readonly string[]> {
  const room = roomOf(asked.room, deps.rooms())
  const places = room === undefined ? [] : placesOf(room, deps.chats)
  const links = await Promise.all(
    places.map(async (place) => {
      const link = chatOf(deps, place.chat)?.link
      if (link === undefined) return []
      const { card: id, cardless } = await readDrawn(deps.store, job, placeKey(place))
      if (id !== undefined) return [await link({ place, id })]
      const waitedMs = deps.view().nowMs - (plan?.plannedAtMs ?? 0)
      if (cardless !== true && waitedMs < CARDS_LIMIT_MS) throw new Paced('waiting for a card to link', CARDS_POLL_MS)
      return []
    }),
  )
  return links.flat().filter((link) => link !== undefined)
}

import type { Revision } from '../jobs/job.ts'
import { type Block, plain } from '../message.ts'
import { redact } from '../redact.ts'
import { noteWritten, notesWritten, readDrawn } from '../store/messages.ts'
import { NOTES, noteText } from './cards.ts'
import type { Place } from './chat.ts'
import { placeKey } from './places.ts'
import { chatOf, type OutboxDeps } from './send.ts'

/** The ticket is one more place: four entries, in order, each once, the marker is looked for before writing. */
export async function writeNotes(deps: OutboxDeps, revision: Revision, places: readonly Place[]): Promise<void> {
  const { ticket } = revision.asked
  if (ticket === undefined || deps.tickets === undefined || revision.state === 'refused') return
  const written = await notesWritten(deps.store, revision.job)
  const flatPlan = (blocks: readonly Block[]): string => plain({ blocks })
  for (const kind of NOTES) {
    const text = noteText(kind, revision, flatPlan)
    if (written.has(kind) || text === undefined) continue
    const link = kind === 'plan' ? await linkToCard(deps, revision.job, places) : ''
    await deps.tickets(ticket, { marker: `sluice:${revision.job}:${kind}`, text: `${redact(text)}${link}` })
    await noteWritten(deps.store, revision.job, kind)
  }
}

/** The other half of "linked both ways": the card names the ticket, the first note names the card. */
async function linkToCard(deps: OutboxDeps, job: string, places: readonly Place[]): Promise<string> {
  const links = await Promise.all(
    places.map(async (place) => {
      const { card: id } = await readDrawn(deps.store, job, placeKey(place))
      return id === undefined ? undefined : chatOf(deps, place.chat)?.link?.({ place, id })
    }),
  )
  return links.flatMap((l) => (l === undefined ? [] : [`\n\nCard: ${l}`])).join('')
}

import { asSluiceError } from '../errors.ts'
import type { Revision } from '../jobs/job.ts'
import { readMarks, writeMarks } from '../store/drawn.ts'
import { stateReaction } from './cards.ts'
import type { Sent } from './chat.ts'
import { placesOfJob } from './draw.ts'
import { placeKey } from './places.ts'
import { react, type Turn } from './send.ts'

/**
 * One reaction under the message that asked says where its job stands; the newest state takes the place of the one before. A request without a message
 * (a slash command, a button) has none. Throws what the chat throws when it is away, or Paced when it has to wait.
 */
export async function markRequest(turn: Turn, job: string): Promise<void> {
  const revision = await turn.jobs.get(job)
  const at = revision === undefined ? undefined : requestOf(turn, revision)
  if (revision === undefined || at === undefined) return
  const now = stateReaction(revision)
  const before = await readMarks(turn.store, job)
  if (before.length === 1 && before[0] === now) return
  // whatever may be there by the time of a crash is known, and taken away by the next turn
  await writeMarks(turn.store, job, [...new Set([...before, now])])
  const key = `job-${job}-mark-${revision.revision}`
  for (const name of before.filter((mark) => mark !== now)) await put(turn, at, name, `${key}-off-${name}`, true)
  await put(turn, at, now, key, false)
  await writeMarks(turn.store, job, [now])
}

/** What cannot be reacted to any more, or at all, is left alone: the card says the same. */
async function put(turn: Turn, { place, id }: Sent, name: string, key: string, remove: boolean): Promise<void> {
  try {
    await react(turn, { kind: 'react', key, place, message: id, name, ...(remove ? { remove } : {}) })
  } catch (error) {
    const { code } = asSluiceError(error, 'reacting')
    if (code !== 'CHAT-GONE' && code !== 'CHAT-REJECTED') throw error
  }
}

/** Where the asking message is: its key begins with that of one of the room's places. */
function requestOf(turn: Turn, revision: Revision): Sent | undefined {
  const { message } = revision.asked
  const place = placesOfJob(turn, revision).find((p) => message?.startsWith(`${placeKey(p)}:`) === true)
  return place === undefined || message === undefined
    ? undefined
    : { place, id: message.slice(placeKey(place).length + 1) }
}

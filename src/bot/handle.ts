import { isRefusal, type Refusal, refuse, SluiceError } from '../errors.ts'
import { settleOnce } from '../store/messages.ts'
import { refusal } from './cards.ts'
import type { Incoming } from './chat.ts'
import { heard } from './hear.ts'
import { findPerson } from './people.ts'
import { roomOf } from './places.ts'
import { type HandleDeps, messageKey, reply, type Scene } from './scene.ts'
import { pressed, reacted } from './touch.ts'

/** The heart: one stored event -> a vote, an answer, a job submitted, a refusal, or nothing. Same event again: same keys, so once. */
export function makeHandle(deps: HandleDeps): (incoming: Incoming, roomName: string) => Promise<void> {
  return async (incoming, roomName) => {
    const room = roomOf(roomName, deps.rooms())
    if (room === undefined) return
    // whoever took it away, a person or a program, the card is the bot's
    if (incoming.kind === 'delete' && incoming.own === true) return deps.removed(incoming.place, incoming.message)
    if (incoming.bot) return
    const event = `${incoming.place.chat}:${incoming.event}`
    const person = findPerson(deps.people(), incoming.place.chat, incoming.user, incoming.outsider)
    if (isRefusal(person)) return tellStranger(deps, incoming, event, person)
    const scene: Scene = { deps, incoming, person, room, event }
    try {
      await happened(scene)
    } catch (error) {
      if (!unreadable(error)) throw error
      // asked again it would be no more readable, and the room would wait behind it
      await reply(scene, 'unreadable', refusal(refuse(error.code, error.message, { next: error.next })))
    }
  }
}

async function happened(scene: Scene): Promise<void> {
  const { deps, incoming } = scene
  if (incoming.kind === 'text') return heard(scene, incoming.text, incoming.thread)
  if (incoming.kind === 'reaction') return reacted(scene, incoming)
  if (incoming.kind === 'press') return pressed(scene, incoming)
  if (incoming.kind === 'delete') return deps.jobs.withdrawRequest(messageKey(incoming, incoming.message))
}

/** What it is about was written by a newer Sluice, or by somebody else. */
const unreadable = (error: unknown): error is SluiceError =>
  error instanceof SluiceError && (error.code === 'STORE-NEWER' || error.code === 'STORE-BAD')

/** Once, privately; nobody else's talk is disturbed. */
async function tellStranger(deps: HandleDeps, incoming: Incoming, event: string, no: Refusal): Promise<void> {
  const { chat } = incoming.place
  const who = `${chat}:${incoming.user}`
  if ((await settleOnce(deps.store, `stranger:${who}`, event)) !== event) return
  await deps.send({ kind: 'private', key: `stranger:${who}`, chat, user: incoming.user, message: refusal(no) })
}

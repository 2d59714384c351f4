import { isRefusal, refuse } from '../errors.ts'
import type { Answer } from '../jobs/job.ts'
import { say } from '../message.ts'
import { type About, aboutMessage } from '../store/messages.ts'
import { digitOf, takeUp } from './ask.ts'
import { refusal } from './cards.ts'
import type { Incoming } from './chat.ts'
import { heardWhole, offerLate } from './hear.ts'
import { messageKey, realId, reply, type Scene, whomIn } from './scene.ts'

const VOTES: Readonly<Record<string, 'approve' | 'deny'>> = { '✅': 'approve', '❌': 'deny' }

/** A reaction: a digit takes up what was asked back, ✅ and ❌ vote; everything else is people being friendly. */
export async function reacted(scene: Scene, incoming: Extract<Incoming, { kind: 'reaction' }>): Promise<void> {
  const { deps } = scene
  const on = await realId(scene, incoming.on)
  const about = await aboutMessage(deps.store, messageKey(incoming, on))
  const chosen = about?.choices?.[digitOf(incoming.name)]
  if (chosen !== undefined && incoming.added) return taken(scene, about, chosen, on)
  const vote = VOTES[incoming.name]
  if (vote === undefined || about?.job === undefined || about.question === undefined) return
  const answer = await deps.jobs.vote({
    job: about.job,
    question: about.question,
    choice: incoming.added ? vote : 'withdraw',
    ...speaker(scene),
  })
  await tellVoter(scene, answer, on)
}

/** Only a button the message carries can be pressed; what it says is decided for whoever presses. */
export async function pressed(scene: Scene, incoming: Extract<Incoming, { kind: 'press' }>): Promise<void> {
  const { deps } = scene
  const on = await realId(scene, incoming.on)
  const about = await aboutMessage(deps.store, messageKey(incoming, on))
  if (about?.buttons?.includes(incoming.button) !== true)
    return reply(scene, 'press', refusal(refuse('BUTTON-UNKNOWN')), on)
  const [kind = '', question = '', word = ''] = incoming.button.split(':')
  if (kind === 'say') return taken(scene, about, incoming.button.slice('say:'.length), on)
  const job = about.job ?? ''
  if (kind === 'gate') return tellVoter(scene, await deps.jobs.choose({ job, question, word, ...speaker(scene) }), on)
  if (kind === 'approve' || kind === 'deny')
    return tellVoter(scene, await deps.jobs.vote({ job, question, choice: kind, ...speaker(scene) }), on)
}

/** A sentence of a message is taken up. What was asked of one person only they may take up, once and in time. */
async function taken(scene: Scene, about: About | undefined, chosen: string, on: string): Promise<void> {
  const { deps, incoming } = scene
  if (about?.asked === undefined) return heardWhole(scene, chosen)
  const no = await takeUp(deps, whomIn(scene), about.asked, chosen, incoming.sentAtMs)
  if (no === undefined) return heardWhole(scene, chosen)
  return no.code === 'QUESTION-LATE' ? offerLate(scene, chosen) : reply(scene, 'asked', refusal(no), on)
}

const speaker = (scene: Scene): { person: string; event: string; atMs: number } => ({
  person: scene.person.name,
  event: scene.event,
  atMs: scene.incoming.sentAtMs,
})

const tellVoter = (scene: Scene, answer: Answer, thread: string): Promise<void> =>
  reply(
    scene,
    'vote',
    isRefusal(answer)
      ? { ...refusal(answer), mention: [scene.person.name] }
      : say([{ person: scene.person.name }, ` ${answer.text}`], 'ok'),
    thread,
  )

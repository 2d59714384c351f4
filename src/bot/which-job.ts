import type { Acts, Fill } from '../commands/command.ts'
import { type Refusal, refuse } from '../errors.ts'
import { FINAL, type Revision } from '../jobs/job.ts'
import type { Block } from '../message.ts'
import { settleOnce } from '../store/messages.ts'
import type { Choice } from './ask.ts'
import { sentenceOf } from './cards.ts'
import type { Scene } from './scene.ts'

const MOST = 9
type Found =
  | { readonly job: string }
  | { readonly no: Refusal }
  | { readonly blocks: readonly Block[]; readonly choices: readonly Choice[] }

/**
 * The job a word without a number is about. A vote (also a typed ✅) is for the one question that is open in the room; where there are several, or none,
 * or where it would start or stop something, it says so. The same event gets the same job again.
 */
export async function whichJob(scene: Scene, fill: Fill, question: string): Promise<Found> {
  const { deps, event } = scene
  const acts = deps.acts(fill.command)
  const meant = await candidates(scene, acts)
  const [only] = meant
  const vote = acts === 'vote' || acts === 'unvote'
  if (only === undefined && vote) return { no: nothingOpen() }
  if (only !== undefined && meant.length === 1 && (vote || acts === undefined))
    return { job: await settleOnce(deps.store, `which:${event}`, only.job) }
  const choices = meant.map(({ job }) => {
    const text = `${fill.before}${job}${fill.after}`.trim()
    return { label: text, text }
  })
  const lines = meant.map((r) => `${r.job}: ${sentenceOf(r)}, asked by ${r.asked.by} (${r.state})`)
  return {
    blocks: [
      { kind: 'note', tone: 'info', text: `${question} (PARSE-MISSING)` },
      ...(lines.length === 0 ? [] : [{ kind: 'list', items: lines } as const]),
    ],
    choices,
  }
}

const nothingOpen = (): Refusal =>
  refuse('VOTE-CLOSED', 'Nothing in this room waits for an answer.', {
    next: 'Say `approvals` for what waits elsewhere.',
  })

/** Jobs of this room the word can be about, newest first. */
async function candidates({ deps, room, person }: Scene, acts: Acts | undefined): Promise<readonly Revision[]> {
  const all = await deps.jobs.list(acts === 'vote' ? { states: ['waiting'], limit: 100 } : { limit: 100 })
  const here = all.filter((r) => r.asked.room === room.name && fits(r, acts, person.name))
  return here.toSorted((a, b) => Number(b.job) - Number(a.job)).slice(0, MOST)
}

function fits({ state, approvedBy, question }: Revision, acts: Acts | undefined, person: string): boolean {
  if (acts === 'vote') return true
  if (acts === 'unvote')
    return (
      !FINAL.has(state) && (approvedBy.includes(person) || question?.votes.some((v) => v.person === person) === true)
    )
  return acts === 'start' ? FINAL.has(state) || state === 'needs-human' : !FINAL.has(state)
}

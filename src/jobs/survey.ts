import { asSluiceError } from '../errors.ts'
import { redact } from '../redact.ts'
import type { Evidence, Step } from '../steps/step.ts'
import { contextOf, limited, patiently, type World } from './perform.ts'

/** Did this job change something in this step? What it found done already is not its own. */
export function ours(world: World, step: Step): boolean {
  const entry = world.journal.step(step.id)
  if (entry.evidence !== undefined) return entry.evidence['already'] !== true
  return entry.intent !== undefined || world.journal.entries(step.id).size > 0
}

const LOOK_MS = 10_000

const look = (world: World, step: Step, limitMs = LOOK_MS): Promise<Evidence | undefined> =>
  limited(world, `looking at ${step.id}`, limitMs, (signal) => step.done(contextOf(world, step, signal)))
/** Where everything else depends on the answer. */
const lookPatiently = (world: World, step: Step): Promise<Evidence | undefined> =>
  patiently(world, () => look(world, step, step.timeoutMs))

/** One line per step, asked from the world now: what was changed and what is left. */
export async function survey(world: World, steps: readonly Step[]): Promise<readonly string[]> {
  const lines: string[] = []
  for (const step of steps) {
    const mine = ours(world, step)
    const entry = world.journal.step(step.id)
    try {
      const so = await look(world, step)
      if (entry.undone !== undefined)
        lines.push(`${step.title}: taken back${so === undefined ? '' : `, but ${so.text}`}`)
      else if (so !== undefined) lines.push(`${step.title}: ${so.text}${mine ? '' : ' (not by this job)'}`)
      else lines.push(`${step.title}: ${mine ? await partly(world, step) : 'not done'}`)
    } catch (error) {
      if (world.signal.aborted) throw error
      lines.push(`${step.title}: cannot be read (${redact(asSluiceError(error, 'looking').message)})`)
    }
  }
  return lines
}

async function partly(world: World, step: Step): Promise<string> {
  const { left } = step
  if (left !== undefined)
    return limited(world, `looking at ${step.id}`, LOOK_MS, (signal) => left(contextOf(world, step, signal)))
  const entries = [...world.journal.entries(step.id).values()]
  const done = entries.filter((e) => e.evidence !== undefined).length
  return entries.length === 0 ? 'begun, not finished' : `begun, not finished (${done} of ${entries.length} done)`
}

/** Takes back what the journal shows as ours, in reverse order; each once. Throws what a step's undo throws. */
export async function undo(world: World, steps: readonly Step[]): Promise<void> {
  for (const step of steps.toReversed()) {
    const { journal } = world
    if (step.undo === undefined || !ours(world, step) || journal.step(step.id).undone !== undefined) continue
    const takeBack = step.undo
    // interrupted before its effect: there is nothing to take back
    const begun = journal.step(step.id).evidence !== undefined || journal.entries(step.id).size > 0
    if (!begun && (await lookPatiently(world, step)) === undefined) continue
    await journal.write([{ step: step.id, key: '', kind: 'undo' }])
    const evidence = await patiently(world, () =>
      limited(world, `undoing ${step.id}`, step.timeoutMs, async (signal) => {
        await world.mine(signal)
        return takeBack(contextOf(world, step, signal))
      }),
    )
    await journal.write([{ step: step.id, key: '', kind: 'undone', data: { text: evidence.text } }])
  }
}

/** Steps an earlier attempt left between intent and evidence: the world is asked before anything is planned on it. Answers with the ids of done steps. */
export async function reconcile(world: World, steps: readonly Step[]): Promise<ReadonlySet<string>> {
  const taken = new Set<string>()
  for (const step of steps) {
    const { intent, evidence } = world.journal.step(step.id)
    const so = intent !== undefined && evidence === undefined ? await lookPatiently(world, step) : undefined
    if (so !== undefined)
      await world.journal.write([
        {
          step: step.id,
          key: '',
          kind: 'evidence',
          data: { text: so.text, already: false, ...(so.data === undefined ? {} : { data: so.data }) },
        },
      ])
    if (evidence !== undefined || so !== undefined) taken.add(step.id)
  }
  return taken
}

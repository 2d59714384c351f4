import { FINAL, type Revision } from '../jobs/job.ts'
import type { Block } from '../message.ts'
import { planBlocks } from '../plan-text.ts'
import { sentenceOf, stateText } from './cards.ts'

/** The four notes of a ticket, in order: what each says, once it is due. */
export const NOTES = ['plan', 'approval', 'start', 'result'] as const
export type NoteKind = (typeof NOTES)[number]

export function noteText(
  kind: NoteKind,
  revision: Revision,
  flatPlan: (blocks: readonly Block[]) => string,
): string | undefined {
  const head = `Sluice job ${revision.job}: ${sentenceOf(revision)}`
  const begun = revision.startedAtMs !== undefined
  if (kind === 'plan')
    return revision.plan === undefined || revision.state === 'received'
      ? undefined
      : `${head}\nasked by ${revision.asked.by} in ${revision.asked.room}\n\n${flatPlan(planBlocks(revision.plan))}`
  if (kind === 'approval')
    return revision.approvedBy.length === 0 && !begun
      ? undefined
      : `${head}: ${revision.approvedBy.length > 0 ? `approved by ${revision.approvedBy.join(', ')}` : 'allowed by policy, no approval needed'}`
  if (kind === 'start')
    return begun ? `${head}: started ${new Date(revision.startedAtMs ?? 0).toISOString()}` : undefined
  return FINAL.has(revision.state) && revision.plan !== undefined
    ? `${head}: ${stateText(revision)}${revision.result === undefined ? '' : `\n${revision.result.text}${revision.result.details.map((d) => `\n- ${d}`).join('')}`}`
    : undefined
}

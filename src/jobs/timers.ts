import type { RunDeps } from './deps.ts'
import { ended, failedAtGate, sentence } from './moves.ts'
import { revise } from './record.ts'
import { offer } from './words.ts'

/** A question ran out, or is half-way: only the job's present question counts. */
export async function timer(deps: RunDeps, name: string, data: Readonly<Record<string, unknown>>): Promise<void> {
  const atMs = deps.clock.now()
  await deps.records.commit(String(data['job']), (now) => {
    const { question, state } = now.revision
    if (state !== 'waiting' || question === undefined || question.id !== data['question']) return undefined
    if (name === 'remind') {
      if (question.remindedAtMs !== undefined) return undefined
      return { record: revise(now, { question: { ...question, remindedAtMs: atMs } }) }
    }
    if (now.inner.started)
      return failedAtGate(now, atMs, question.code ?? 'APPROVAL-EXPIRED', 'Nobody answered in time.', offer(deps, now))
    const result = { text: `${sentence('APPROVAL-EXPIRED')} Nothing was changed.`, details: [] }
    return ended(now, atMs, { state: 'expired', code: 'APPROVAL-EXPIRED', result })
  })
}

import { isRefusal } from '../errors.ts'
import { planBlocks } from '../plan-text.ts'
import type { Plan } from '../jobs/job.ts'
import type { Block, Button } from '../message.ts'
import type { Decision } from '../policies/policy.ts'
import { type AnswerCommand, type ChangeCommand, type Phrase, answer } from './command.ts'

const planned = (phrase: Phrase): Phrase => {
  const say = `plan|dry-run|simulate ${typeof phrase === 'string' ? phrase : phrase.say}`
  return typeof phrase === 'string' ? say : { say, set: phrase.set }
}

type Planned = { readonly plan: Plan; readonly decision: Decision }

/** Sentences that would let what blocks go. */
const instead = ({ findings }: Plan): readonly Button[] =>
  [
    ...new Set(
      findings.flatMap(({ verdict, sentence }) => (verdict === 'block' && sentence !== undefined ? [sentence] : [])),
    ),
  ].map((sentence) => ({ id: `say:${sentence}`, label: sentence }))

function verdict({ plan, decision }: Planned): Block {
  const block = plan.findings.find((finding) => finding.verdict === 'block')
  if (block !== undefined && decision.kind !== 'deny')
    return { kind: 'note', tone: 'error', text: `It would be refused (${block.code ?? 'PLAN-BLOCKED'}).` }
  if (decision.kind === 'allow') return { kind: 'note', tone: 'ok', text: 'You may do this on your own.' }
  if (decision.kind === 'deny')
    return { kind: 'note', tone: 'error', text: `It would be refused (${decision.code}): ${decision.reason}` }
  const { approvals, from, ticket, confirm } = decision.needs
  const people = from.map((name) => ({ person: name })).flatMap((person, i) => (i === 0 ? [person] : [', ', person]))
  return {
    kind: 'note',
    tone: 'info',
    text: [
      `It would need ${approvals} approval${approvals === 1 ? '' : 's'} of `,
      ...people,
      ticket === 'required' ? ', an open ticket' : '',
      confirm === 'typed' ? ', and you would have to type its name to confirm.' : '.',
    ],
  }
}

/** `plan X` of a change X: what it would do and who would have to agree. Changes nothing. */
export function planOf(change: ChangeCommand): AnswerCommand {
  return answer({
    name: `plan ${change.name}`,
    summary: `What \`${change.name}\` would do, and who would have to agree; changes nothing`,
    phrases: change.phrases.map(planned),
    options: [...(change.options ?? []), { say: '--dry-run', set: {} }, { say: '--dry-run=client|server', set: {} }],
    // the arguments of the change itself, erased in the list of all commands
    args: change.args,
    examples: change.examples.slice(0, 1).map((example) => `plan ${example}`),
    takes: ['jobs'],
    asksCluster: true,
    answer: async (args, ctx) => {
      const { person, room, event, text, atMs, signal } = ctx
      const ticket = args['ticket']
      const asked = {
        command: change.name,
        args,
        by: person.name,
        room,
        text,
        atMs,
        event,
        ...(typeof ticket === 'string' ? { ticket } : {}),
      }
      const result = await ctx.jobs.plan(asked, signal)
      if (isRefusal(result)) return result
      return { blocks: [...planBlocks(result.plan), verdict(result)], buttons: instead(result.plan) }
    },
  })
}

import { type Refusal, refuse } from '../errors.ts'
import type { Person } from '../person.ts'
import type { Decision, Risk } from '../policies/policy.ts'
import type { Capabilities, ChangeCommand, Command } from './command.ts'
import { rightsOf } from './rights.ts'

type Deciding = Pick<Capabilities, 'decide' | 'people' | 'inventory' | 'commands' | 'nowMs'>

const isChange = (command: Command): command is ChangeCommand => command.kind === 'change'

/** What policy says of something that is about no single cluster. */
const decided = (given: Deciding, person: Person, command: string, risk: Risk): Decision =>
  given.decide({
    command,
    risk,
    args: {},
    scope: 'sluice',
    person,
    maintains: given.inventory.clusters.some((c) => c.maintainers.includes(person.name)),
    nowMs: given.nowMs(),
    facts: {},
    people: given.people,
  })

/**
 * May this person stop everything? Whoever a rule about the risk `stop` allows it, and whoever may ask for any change anywhere; a rule that forbids it
 * wins. It never waits for approvals.
 */
export function mayStop(given: Deciding, person: Person): Refusal | undefined {
  const decision = decided(given, person, 'stop all', 'stop')
  if (decision.kind !== 'deny') return undefined
  if (decision.code !== 'POLICY-NONE') return refuse(decision.code, decision.reason)
  const asking = { person, people: given.people, nowMs: given.nowMs(), decide: given.decide }
  const changes = given.commands().filter(isChange)
  const some = changes.some((change) =>
    rightsOf(change, given.inventory.clusters, asking).some(({ kind }) => kind !== 'deny'),
  )
  if (some) return undefined
  const able = mayStartAgain(given).join(' or ')
  return refuse('POLICY-NONE', 'Only who may ask for changes can stop them.', {
    next: able === '' ? 'Ask an operator.' : `Ask ${able}.`,
  })
}

/** Who may ask to start again, at once or with approvals. */
export const mayStartAgain = (given: Deciding): readonly string[] =>
  given.people.filter((p) => decided(given, p, 'start again', 'disruptive').kind !== 'deny').map(({ name }) => name)

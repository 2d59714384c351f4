import { humanSpan } from '../duration.ts'
import type { Person } from '../person.ts'
import type { Decide, Decision, Needs } from '../policies/policy.ts'
import type { ChangeCommand, InventoryCluster } from './command.ts'

/** Facts as they are on a good day, so that only the rules about people speak. */
const GOOD_DAY = {
  identity: { ok: true, value: { uid: 'pinned', pinned: 'pinned' } },
  'not-ready': { ok: true, value: { nodes: [] } },
  storage: { ok: true, value: { touches: false, health: 'HEALTH_OK', healthy: true, targetDomains: [], draining: [] } },
  quorum: { ok: true, value: { voters: [], targets: [] } },
} as const

export type Asking = {
  readonly person: Person
  readonly people: readonly Person[]
  readonly nowMs: number
  readonly decide: Decide
}
/** What policy says of a change on some clusters: the same on all of them. None: it is about no cluster. */
export type Right = {
  readonly kind: Decision['kind']
  readonly clusters: readonly string[]
  /** Who must agree and what else it takes, or why not. */
  readonly how: string
}

/** What policy would say to this person about a change on a cluster, if nothing else stood in the way. */
function rightTo(
  change: ChangeCommand,
  cluster: InventoryCluster | undefined,
  { person, people, nowMs, decide }: Asking,
): Decision {
  const maintains = cluster?.maintainers.includes(person.name) ?? false
  const about =
    cluster === undefined
      ? {}
      : { cluster: { name: cluster.name, type: cluster.type, maintainers: cluster.maintainers } }
  const scope = change.scope === undefined ? {} : { scope: change.scope }
  return decide({
    command: change.name,
    risk: change.risk({}),
    args: {},
    person,
    maintains,
    ...about,
    ...scope,
    nowMs,
    facts: GOOD_DAY,
    people,
  })
}

function howOf(decision: Decision, asker: string): string {
  if (decision.kind === 'deny') return `${decision.reason.replace(/\.$/, '')} (${decision.code})`
  return decision.kind === 'allow' ? 'on your own' : needsText(decision.needs, asker)
}

/** `with 1 of fran, amal within 30m, and an open ticket`. */
function needsText({ approvals, from, withinMs, ticket, confirm }: Needs, asker: string): string {
  const also = [ticket === 'required' ? 'an open ticket' : '', confirm === 'typed' ? 'its name typed by you' : '']
  const others = from.filter((name) => name !== asker)
  const who = others.length === 0 ? 'somebody else, and nobody else is configured' : others.join(', ')
  return `with ${approvals} of ${who} within ${humanSpan(withinMs)}${also.map((a) => (a === '' ? '' : `, ${a}`)).join('')}`
}

/** About no cluster, but all that Sluice does. */
const isWhole = ({ scope, args }: ChangeCommand): boolean =>
  scope === 'sluice' &&
  'shape' in args &&
  typeof args.shape === 'object' &&
  args.shape !== null &&
  !('cluster' in args.shape)

const ORDER: readonly Decision['kind'][] = ['allow', 'needs', 'deny']

/** What this person may do with a change: on their own first, then with others, then not. Each cluster once; unused ones are left out. */
export function rightsOf(
  change: ChangeCommand,
  clusters: readonly InventoryCluster[],
  asking: Asking,
): readonly Right[] {
  if (isWhole(change)) {
    const decision = rightTo(change, undefined, asking)
    return [{ kind: decision.kind, how: howOf(decision, asking.person.name), clusters: [] }]
  }
  const said = clusters
    .filter((c) => c.state === 'active')
    .map((c) => ({ cluster: c.name, decision: rightTo(change, c, asking) }))
    .map(({ cluster, decision }) => ({
      cluster,
      kind: decision.kind,
      how: howOf(decision, asking.person.name).replace(` on ${cluster}`, ''),
    }))
  return [...Map.groupBy(said, ({ kind, how }) => `${kind} ${how}`).values()]
    .flatMap((same) => {
      const [first] = same
      return first === undefined
        ? []
        : [{ kind: first.kind, how: first.how, clusters: same.map(({ cluster }) => cluster) }]
    })
    .toSorted((a, b) => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind))
}

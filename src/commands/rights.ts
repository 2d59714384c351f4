import type { Person } from '../person.ts'
import type { Decide, Decision } from '../policies/policy.ts'
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

/** What policy would say to this person about a change on a cluster, if nothing else stood in the way. */
export function rightTo(
  change: ChangeCommand,
  cluster: InventoryCluster,
  { person, people, nowMs, decide }: Asking,
): Decision {
  const maintains = cluster.maintainers.includes(person.name)
  const about = { name: cluster.name, type: cluster.type, maintainers: cluster.maintainers }
  return decide({
    command: change.name,
    risk: change.risk({}),
    args: {},
    person,
    maintains,
    cluster: about,
    nowMs,
    facts: GOOD_DAY,
    people,
  })
}

/** `alone on c1, c2; with approval on p10; not on p5`. */
export function rightsText(change: ChangeCommand, clusters: readonly InventoryCluster[], asking: Asking): string {
  const said = Map.groupBy(
    clusters.filter((c) => c.state === 'active'),
    (c) => rightTo(change, c, asking).kind,
  )
  const part = (kind: Decision['kind'], words: string): string[] => {
    const names = said.get(kind)?.map((c) => c.name) ?? []
    return names.length === 0 ? [] : [`${words} ${names.join(', ')}`]
  }
  return [...part('allow', 'on your own on'), ...part('needs', 'with approval on'), ...part('deny', 'not on')].join(
    '; ',
  )
}

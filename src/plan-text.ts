import type { Plan } from './jobs/job.ts'
import type { Block } from './message.ts'
import type { Finding } from './steps/step.ts'

const count = (n: number, one: string, many = `${one}s`): string => `${n} ${n === 1 ? one : many}`
const total = (findings: readonly Finding[]): number => findings.reduce((sum, finding) => sum + (finding.count ?? 1), 0)
const short = (object: string): string => object.split('/').at(-1) ?? object

/** Topics in the order people want to read them, with their headings. */
const TOPICS: readonly (readonly [string, string])[] = [
  ['single-replica', 'Down during the move (one replica)'],
  ['pdb', 'Behind a PodDisruptionBudget (only some go at a time)'],
  ['emptydir', 'emptyDir data'],
  ['unmanaged', 'Without a controller'],
  ['local-volume', 'Tied to the node by a local volume'],
  ['daemonset-missing', 'Their DaemonSet is missing'],
  ['terminating', 'Already terminating'],
  ['evict', 'Evicted'],
  ['stays', 'Stay (DaemonSet)'],
  ['cordon', 'Cordon'],
  ['uncordon', 'Uncordon'],
  ['unlock', 'Locks'],
  ['start-again', 'Goes on'],
]

const line = ({
  object,
  reason,
  detail,
}: {
  readonly object: string
  readonly reason: string
  readonly detail?: string | undefined
}): string => `${object}: ${reason}${detail === undefined ? '' : ` (${detail})`}`

const MAX_IN_HEADLINE = 3
function nodeSummary(of: (topic: string) => readonly Finding[]): string {
  const evicted = total([...of('evict'), ...of('terminating')])
  const single = [...new Set(of('single-replica').map((f) => short(f.object)))]
  const atLimit = of('pdb').filter(({ reason }) => reason.includes('at its limit'))
  const named = single.length > MAX_IN_HEADLINE ? '' : ` (${single.join(', ')})`
  return [
    `${count(evicted, 'pod')} to evict`,
    `${count(total(of('stays')), 'daemonset pod stays', 'daemonset pods stay')}`,
    ...(single.length === 0 ? [] : [`${single.length} single-replica${named} will be down during the move`]),
    ...(atLimit.length === 0 ? [] : [`${count(new Set(atLimit.map((f) => f.key)).size, 'PDB')} at its limit`]),
  ].join(', ')
}

const drains = (plan: Plan): boolean => plan.steps.some(({ id }) => id.startsWith('drain '))

/** `server23 on p10: 17 pods to evict, ...`, or the sentence itself when nothing is evicted. Only what it is about stands out: the numbers are many. */
function headline(plan: Plan): Block {
  const { target, findings } = plan
  const of = (topic: string): readonly Finding[] => findings.filter((finding) => finding.topic === topic)
  const names = target.nodes.map(({ name }) => name).join(', ')
  if (!drains(plan)) return { kind: 'heading', text: target.sentence }
  return { kind: 'text', text: [{ bold: `${names} on ${target.cluster}:` }, ` ${nodeSummary(of)}`] }
}

const cpus = (millis: number): string => (millis < 10_000 ? `${millis}m CPU` : `${Math.round(millis / 1000)} CPUs`)
const gib = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`
function capacityBlock(plan: Plan): readonly Block[] {
  const capacity = plan.facts.capacity
  if (capacity === undefined) return []
  if (!capacity.ok) return [{ kind: 'note', tone: 'warn', text: `Capacity cannot be read: ${capacity.why}` }]
  const { needed, free, nodesLeft, fits } = capacity.value
  if (needed.cpuMillis === 0 && needed.memoryBytes === 0) return []
  const text = `Capacity: the pods ask for ${cpus(needed.cpuMillis)} and ${gib(needed.memoryBytes)}; ${count(nodesLeft, 'other node')} ${nodesLeft === 1 ? 'has' : 'have'} ${cpus(free.cpuMillis)} and ${gib(free.memoryBytes)} free.`
  return [fits ? { kind: 'text', text } : { kind: 'note', tone: 'warn', text: `${text} They do not fit.` }]
}

function controlPlanes(plan: Plan): readonly Block[] {
  const names = plan.target.nodes.filter((node) => node.controlPlane).map(({ name }) => name)
  if (names.length === 0) return []
  const last = plan.target.nodes.length > names.length ? ', done last and one at a time' : ''
  return [{ kind: 'note', tone: 'warn', text: `Control plane: ${names.join(', ')}${last}.` }]
}

const MAX_LINES = 12
const MAX_NAMES = 40
const atMost = (items: readonly string[], max: number): readonly string[] =>
  items.length > max ? [...items.slice(0, max), `and ${items.length - max} more`] : items

type Named = { readonly namespace: string; readonly name: string; pods: number }
/** Each object once, over all nodes, with its pods. */
function named(findings: readonly Finding[]): readonly Named[] {
  const all = new Map<string, Named>()
  for (const { object, count: pods = 1 } of findings) {
    const known = all.get(object)
    if (known !== undefined) known.pods += pods
    else all.set(object, { namespace: object.split('/')[0] ?? '', name: short(object), pods })
  }
  return [...all.values()]
}
const times = (name: string, pods: number): string => (pods === 1 ? name : `${name} ×${pods}`)

/** `acme: gitea-acme-0, shop-web ×2`, a line for each namespace with several, and one line for all the others. */
function byNamespace(findings: readonly Finding[]): readonly string[] {
  const groups = [...Map.groupBy(named(findings), ({ namespace }) => namespace)]
  const several = groups.filter(([, of]) => of.length > 1)
  const others = groups.flatMap(([, of]) => (of.length > 1 ? [] : of))
  const lines = several.map(
    ([namespace, of]) =>
      `${namespace}: ${atMost(
        of.map(({ name, pods }) => times(name, pods)),
        MAX_NAMES,
      ).join(', ')}`,
  )
  const rest = others.map(({ namespace, name, pods }) => times(`${namespace}/${name}`, pods))
  return [...atMost(lines, MAX_LINES), ...(rest.length === 0 ? [] : [atMost(rest, MAX_NAMES).join(', ')])]
}

/** What a topic's heading says already is not said again in each line. */
const SAID: Readonly<Record<string, string>> = { pdb: 'lets only some go at a time' }
const lineOf = (finding: Finding): string =>
  finding.reason === SAID[finding.topic] ? `${finding.object}: ${finding.detail ?? finding.reason}` : line(finding)

/** Of these the names say enough. */
const NAMES_ONLY: ReadonlySet<string> = new Set(['evict', 'single-replica'])

function topicBlock(topic: string, heading: string, findings: readonly Finding[]): readonly Block[] {
  if (findings.length === 0) return []
  const bold = { bold: `${heading}:` }
  if (topic === 'stays') {
    const names = named(findings).map(({ name, pods }) => times(name, pods))
    return [{ kind: 'text', text: [bold, ` ${atMost(names, MAX_NAMES).join(', ')}`] }]
  }
  const lines = NAMES_ONLY.has(topic) ? byNamespace(findings) : atMost([...new Set(findings.map(lineOf))], MAX_LINES)
  const [only] = lines
  if (only !== undefined && lines.length === 1) return [{ kind: 'text', text: [bold, ` ${only}`] }]
  return [
    { kind: 'text', text: [bold] },
    { kind: 'list', items: lines },
  ]
}

/** What blocks for the same reason is one note with all its objects. */
function blockNotes(blocking: readonly Finding[]): readonly Block[] {
  const same = Map.groupBy(blocking, ({ code, reason, fix }) => JSON.stringify([code, reason, fix]))
  return [...same.values()].flatMap(([first, ...others]): readonly Block[] => {
    if (first === undefined) return []
    const code = first.code === undefined ? '' : `${first.code}: `
    const objects = atMost(
      [first, ...others].map(({ object }) => object),
      MAX_NAMES,
    ).join(', ')
    const said = line({ ...first, object: objects, ...(others.length === 0 ? {} : { detail: undefined }) })
    return [{ kind: 'note', tone: 'error', text: `${code}${said}.${first.fix === undefined ? '' : ` ${first.fix}`}` }]
  })
}

/** What a plan would do, for people: a headline, what blocks, what to know, then the rest by topic. Pure. */
export function planBlocks(plan: Plan): readonly Block[] {
  const blocking = plan.findings.filter(({ verdict }) => verdict === 'block')
  // that a drain cordons first goes without saying; that it does not is worth a line
  const implied = (f: Finding): boolean => drains(plan) && f.topic === 'cordon' && f.verdict === 'do'
  const rest = plan.findings.filter((f) => f.verdict !== 'block' && !implied(f))
  const known = new Set(TOPICS.map(([topic]) => topic))
  const other = rest.filter(({ topic, verdict }) => !known.has(topic) && verdict !== 'skip')
  return [
    headline(plan),
    ...blockNotes(blocking),
    ...controlPlanes(plan),
    ...TOPICS.flatMap(([topic, heading]) =>
      topicBlock(
        topic,
        heading,
        rest.filter((f) => f.topic === topic),
      ),
    ),
    ...topicBlock('', 'Also', other),
    ...capacityBlock(plan),
  ]
}

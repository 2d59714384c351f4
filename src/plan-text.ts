import type { Plan } from './jobs/job.ts'
import type { Block, Text } from './message.ts'
import type { Finding } from './steps/step.ts'

const count = (n: number, one: string, many = `${one}s`): string => `${n} ${n === 1 ? one : many}`
const total = (findings: readonly Finding[]): number => findings.reduce((sum, finding) => sum + (finding.count ?? 1), 0)
const short = (object: string): string => object.split('/').at(-1) ?? object

/** Topics in the order people want to read them, with their headings. */
const TOPICS: readonly (readonly [string, string])[] = [
  ['single-replica', 'Down during the move (one replica)'],
  ['pdb', 'Behind a PodDisruptionBudget'],
  ['emptydir', 'emptyDir data'],
  ['unmanaged', 'Without a controller'],
  ['local-volume', 'Tied to the node by a local volume'],
  ['daemonset-missing', 'Their DaemonSet is missing'],
  ['terminating', 'Already terminating'],
  ['evict', 'Evicted'],
  ['stays', 'Stay (DaemonSet)'],
  ['cordon', 'Cordon'],
  ['uncordon', 'Uncordon'],
]

const line = ({ object, reason, detail }: Finding): string =>
  `${object}: ${reason}${detail === undefined ? '' : ` (${detail})`}`

function nodeSummary(of: (topic: string) => readonly Finding[]): string {
  const evicted = total([...of('evict'), ...of('terminating')])
  const single = of('single-replica')
  const atLimit = of('pdb').filter(({ reason }) => reason.includes('at its limit'))
  return [
    `${count(evicted, 'pod')} to evict`,
    `${count(total(of('stays')), 'daemonset pod stays', 'daemonset pods stay')}`,
    ...(single.length === 0
      ? []
      : [
          `${single.length} single-replica (${single.map((f) => short(f.object)).join(', ')}) will be down during the move`,
        ]),
    ...(atLimit.length === 0 ? [] : [`${count(new Set(atLimit.map((f) => f.key)).size, 'PDB')} at its limit`]),
  ].join(', ')
}

/** `server23 on p10: 17 pods to evict, ...`, or the sentence itself when nothing is evicted. */
function headline(plan: Plan): string {
  const { target, findings } = plan
  const of = (topic: string): readonly Finding[] => findings.filter((finding) => finding.topic === topic)
  const names = target.nodes.map(({ name }) => name).join(', ')
  if (!plan.steps.some(({ id }) => id.startsWith('drain '))) return target.sentence
  return `${names} on ${target.cluster}: ${nodeSummary(of)}`
}

const gib = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`
function capacityBlock(plan: Plan): readonly Block[] {
  const capacity = plan.facts.capacity
  if (capacity === undefined) return []
  if (!capacity.ok) return [{ kind: 'note', tone: 'warn', text: `Capacity cannot be read: ${capacity.why}` }]
  const { needed, free, nodesLeft, fits } = capacity.value
  const text = `Capacity: the pods ask for ${needed.cpuMillis} mCPU and ${gib(needed.memoryBytes)}; ${count(nodesLeft, 'other node')} ${nodesLeft === 1 ? 'has' : 'have'} ${free.cpuMillis} mCPU and ${gib(free.memoryBytes)} free.`
  return [fits ? { kind: 'text', text } : { kind: 'note', tone: 'warn', text: `${text} They do not fit.` }]
}

function controlPlanes(plan: Plan): readonly Block[] {
  const names = plan.target.nodes.filter((node) => node.controlPlane).map(({ name }) => name)
  if (names.length === 0) return []
  const last = plan.target.nodes.length > names.length ? ', done last and one at a time' : ''
  return [{ kind: 'note', tone: 'warn', text: `Control plane: ${names.join(', ')}${last}.` }]
}

/** Of these the names say enough. */
const NAMES_ONLY: ReadonlySet<string> = new Set(['evict', 'stays'])
const name = ({ object, count: pods = 1 }: Finding): string => (pods === 1 ? object : `${object} (${pods} pods)`)

const MAX_LINES = 12
const MAX_NAMES = 40
function topicBlock(heading: string, findings: readonly Finding[]): readonly Block[] {
  if (findings.length === 0) return []
  if (NAMES_ONLY.has(findings[0]?.topic ?? '')) {
    const names = findings.slice(0, MAX_NAMES).map(name).join(', ')
    const left = findings.length - MAX_NAMES
    return [{ kind: 'text', text: [{ bold: `${heading}:` }, ` ${names}${left > 0 ? ` and ${left} more` : ''}`] }]
  }
  const shown: readonly Text[] = findings.slice(0, MAX_LINES).map(line)
  const more = findings.length - shown.length
  return [
    { kind: 'text', text: [{ bold: `${heading}:` }] },
    { kind: 'list', items: more > 0 ? [...shown, `and ${more} more`] : shown },
  ]
}

/** What a plan would do, for people: a headline, what blocks, what to know, then the rest by topic. Pure. */
export function planBlocks(plan: Plan): readonly Block[] {
  const blocking = plan.findings.filter(({ verdict }) => verdict === 'block')
  const rest = plan.findings.filter(({ verdict }) => verdict !== 'block')
  const known = new Set(TOPICS.map(([topic]) => topic))
  const other = rest.filter(({ topic, verdict }) => !known.has(topic) && verdict !== 'skip')
  return [
    { kind: 'heading', text: headline(plan) },
    ...blocking.map(
      (f): Block => ({
        kind: 'note',
        tone: 'error',
        text: `${f.code === undefined ? '' : `${f.code}: `}${line(f)}${f.fix === undefined ? '' : ` ${f.fix}`}`,
      }),
    ),
    ...controlPlanes(plan),
    ...TOPICS.flatMap(([topic, heading]) =>
      topicBlock(
        heading,
        rest.filter((f) => f.topic === topic),
      ),
    ),
    ...topicBlock('Also', other),
    ...capacityBlock(plan),
  ]
}

import { distance } from 'fastest-levenshtein'
import { z } from 'zod'
import { type Refusal, isRefusal, refuse } from '../errors.ts'
import type { Args, Read, Target } from '../jobs/job.ts'
import type { Cluster, Node, Pod } from '../systems/kubernetes/port.ts'
import { isUnfiltered, type Selector, selectNodes, selectorSchema } from './selector.ts'

/** Arguments of every change on nodes. */
export const nodeArgs = {
  cluster: z.string(),
  nodes: z.array(z.string()).min(1).optional(),
  selector: selectorSchema.optional(),
  ticket: z.string().optional(),
  reason: z.string().max(500).optional(),
}
export type NodeArgs = {
  readonly cluster: string
  readonly nodes?: readonly string[] | undefined
  readonly selector?: Selector | undefined
}

const OSD_PODS = 'app=rook-ceph-osd'
/** The object's own name, or its first label: `server23` is `server23.place10.ungleich.ch`. */
export const isNamed = (node: Node, name: string): boolean => node.name === name || node.name.split('.')[0] === name

/** The node of this name: an exact name wins over a short one. */
export const findNode = (nodes: readonly Node[], name: string): Node | undefined =>
  nodes.find((node) => node.name === name) ?? nodes.find((node) => isNamed(node, name))

/** Names at most two letters away, nearest first. */
export const nearest = (name: string, among: readonly string[]): readonly string[] =>
  among
    .map((other) => ({ other, far: distance(name, other) }))
    .filter(({ far }) => far <= 2)
    .toSorted((a, b) => a.far - b.far)
    .slice(0, 3)
    .map(({ other }) => other)

/** Names of the nodes that carry OSD pods (Rook's label). */
export async function osdNodeNames(cluster: Cluster, signal: AbortSignal): Promise<ReadonlySet<string>> {
  const { items } = await cluster.pods({ labelSelector: OSD_PODS, signal })
  return new Set(items.flatMap((pod: Pod) => (pod.node === undefined ? [] : [pod.node])))
}

function namedNodes(live: readonly Node[], names: readonly string[], cluster: string): readonly Node[] | Refusal {
  const found = names.map((name) => findNode(live, name))
  const missing = names.filter((_, i) => found[i] === undefined)
  if (missing.length === 0) return found.filter((node) => node !== undefined)
  const details = missing.map((name) => {
    const close = nearest(
      name,
      live.map((node) => node.name.split('.')[0] ?? node.name),
    )
    return close.length === 0
      ? `${name} is not on ${cluster}`
      : `${name} is not on ${cluster}; did you mean ${close.join(' or ')}?`
  })
  return refuse('PARSE-NODE', `${missing.join(', ')}: no such node on ${cluster}. Nothing was done.`, { details })
}

function chosenNodes(args: NodeArgs, live: readonly Node[], osdNodes: ReadonlySet<string>): readonly Node[] | Refusal {
  const { nodes, selector } = args
  if (nodes === undefined && selector === undefined) return refuse('PARSE-MISSING', 'Which node?')
  if (nodes !== undefined && selector !== undefined)
    return refuse('PARSE-AMBIGUOUS', 'Name the nodes, or say which ones, not both.')
  if (selector !== undefined && isUnfiltered(selector)) return refuse('PARSE-ALL')
  const named = nodes === undefined ? live : namedNodes(live, nodes, args.cluster)
  if (isRefusal(named)) return named
  const chosen = selector === undefined ? named : selectNodes(named, selector, (node) => osdNodes.has(node.name))
  if (chosen.length === 0) return refuse('PLAN-EMPTY', `No node of ${args.cluster} is meant by that. Nothing was done.`)
  return [...new Set(chosen)]
}

/**
 * Names to uids and selectors to names, from live nodes; workers in the order they were named, control planes after them.
 * Refuses PARSE-NODE, PARSE-ALL, PARSE-MISSING, PLAN-EMPTY. `sentence` gets the resolved names.
 */
export async function resolveNodes(
  args: NodeArgs & Args,
  read: Read,
  sentence: (names: readonly string[]) => string,
): Promise<Target | Refusal> {
  const [live, osdNodes, clusterUid] = await Promise.all([
    read.nodes(),
    osdNodeNames(read.cluster, read.signal),
    read.cluster.identity({ signal: read.signal }),
  ])
  const chosen = chosenNodes(args, live, osdNodes)
  if (isRefusal(chosen)) return chosen
  const ordered = [...chosen.filter((node) => !node.controlPlane), ...chosen.filter((node) => node.controlPlane)]
  const nodes = ordered.map((node) => ({
    name: node.name,
    uid: node.uid,
    controlPlane: node.controlPlane,
    ...(osdNodes.has(node.name) ? { storage: true } : {}),
  }))
  const names = nodes.map((node) => node.name)
  return { cluster: args.cluster, clusterUid, nodes, args: { ...args, nodes: names }, sentence: sentence(names) }
}

/** `node/p10/server23`: two jobs never work on one node, while a cordon elsewhere need not wait for a drain. */
export const nodeLocks = (target: Target): readonly string[] =>
  target.nodes.map((node) => `node/${target.cluster}/${node.name}`)

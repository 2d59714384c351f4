import type { Command, InventoryCluster } from '../command.ts'
import type { ParseContext } from '../parse.ts'
import { isUnfiltered, type Selector } from '../selector.ts'
import type { Capture } from './match.ts'
import { type Body, isNo, type No, noAt } from './no.ts'
import { placeNodes, selectorOf } from './resolve.ts'
import type { Sentence } from './slots.ts'

export type Args = Record<string, unknown>
export type Case = {
  readonly sentence: Sentence
  readonly captures: readonly Capture[]
  readonly context: ParseContext
  readonly body: Body
  readonly plan: boolean
}

/** Cluster, nodes and selector of the sentence. */
export function targetsOf(
  command: Command,
  given: Case,
  named: InventoryCluster | undefined,
): { readonly args: Args } | No {
  const { sentence, captures, context, body } = given
  const nodes = captures.filter((c) => c.slot === 'nodes' || c.slot === 'node')
  let cluster = named
  const names: string[] = []
  for (const capture of nodes) {
    const placed = placeNodes(sentence, capture, cluster, context.room, command.kind === 'change' && !given.plan, body)
    if (isNo(placed)) return placed
    cluster = placed.cluster
    names.push(...placed.names)
  }
  const selector = selectorOf(sentence, captures, cluster, body)
  if (selector !== undefined && isNo(selector)) return selector
  if (selector !== undefined && names.length === 0 && command.kind === 'change' && isUnfiltered(selector))
    return everything(given)
  return { args: targetArgs(nodes, names, selector, cluster) }
}

function targetArgs(
  nodes: readonly Capture[],
  names: readonly string[],
  selector: Selector | undefined,
  cluster: InventoryCluster | undefined,
): Args {
  const { all: _all, ...filters } = selector ?? {}
  return {
    ...(nodes.length === 0
      ? {}
      : nodes[0]?.slot === 'node'
        ? { [nodes[0].arg]: names[0] }
        : { [nodes[0]?.arg ?? 'nodes']: [...new Set(names)] }),
    ...(cluster === undefined ? {} : { cluster: cluster.name }),
    ...(Object.keys(filters).length === 0 ? {} : { selector: filters }),
  }
}

function everything(given: Case): No {
  const capture = given.captures.find((c) => c.slot === 'selector')
  return noAt(
    given.sentence,
    capture?.from ?? 0,
    capture?.to ?? 1,
    'PARSE-ALL',
    'A change on everything needs a filter: name the nodes, or say which ones (`that are cordoned`, `older than v1.36`).',
  )
}

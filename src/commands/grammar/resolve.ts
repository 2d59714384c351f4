import type { InventoryCluster } from '../command.ts'
import type { Selector } from '../selector.ts'
import { nearest } from '../suggest.ts'
import type { Capture } from './match.ts'
import { bestGuess, expandAll, missing } from './missing.ts'
import { clusterOf } from './names.ts'
import { type Body, type Choice, type No, noAt, type Room, rewrite } from './no.ts'
import { nodeItems } from './node-words.ts'
import type { Sentence } from './slots.ts'

/** The one cluster that was named; undefined when none was; refused when it does not exist or there are several. */
export function namedCluster(
  sentence: Sentence,
  captures: readonly Capture[],
  body: Body,
): { readonly cluster: InventoryCluster | undefined } | No {
  let cluster: InventoryCluster | undefined
  for (const capture of captures.filter((c) => c.slot === 'cluster')) {
    const word = String(capture.value)
    const found = clusterOf(sentence.names, word)
    if (found === undefined) return unknownCluster(sentence, capture, word, body)
    if (cluster !== undefined && cluster !== found)
      return noAt(
        sentence,
        capture.from,
        capture.to,
        'PARSE-AMBIGUOUS',
        `Is it ${cluster.name} or ${found.name}? One message is about one cluster.`,
      )
    cluster = found
  }
  return { cluster }
}

function unknownCluster(sentence: Sentence, capture: Capture, word: string, body: Body): No {
  const at = sentence.tokens[capture.to - 1]
  const close = nearest(
    word,
    sentence.names.inventory.clusters.map((c) => c.name),
  )
  const choices = close.map((name) => ({
    label: name,
    text: rewrite(sentence, body, at?.start ?? 0, at?.end ?? 0, name),
  }))
  const all = sentence.names.inventory.clusters.filter((c) => c.state === 'active').map((c) => c.name)
  return noAt(
    sentence,
    capture.to - 1,
    capture.to,
    'PARSE-CLUSTER',
    `There is no cluster ${word}. Clusters: ${all.join(', ')}.`,
    choices,
  )
}

/** The configured name of a person that was named; `me` is left to the command. */
export function personOf(sentence: Sentence, capture: Capture, body: Body): { readonly name: string } | No {
  const word = String(capture.value)
  const { people } = sentence.names.inventory
  const found = people.find((p) => p.name.toLowerCase() === word || p.title.toLowerCase() === word)
  if (found !== undefined) return { name: found.name }
  const token = sentence.tokens[capture.from]
  const close = nearest(
    word,
    people.map((p) => p.name),
  )
  const choices = close.map((name) => ({
    label: name,
    text: rewrite(sentence, body, token?.start ?? 0, token?.end ?? 0, name),
  }))
  return noAt(
    sentence,
    capture.from,
    capture.to,
    'PARSE-ARGUMENT',
    `I know nobody called ${word}. People: ${people.map((p) => p.name).join(', ')}.`,
    choices,
  )
}

/** Where the nodes of the captures are meant to be. */
export type Placed = { readonly cluster: InventoryCluster; readonly names: readonly string[] }

/** The one cluster that has all the nodes; else which one is asked, or what is missing is said. */
export function placeNodes(
  sentence: Sentence,
  capture: Capture,
  given: InventoryCluster | undefined,
  room: Room,
  risky: boolean,
  body: Body,
): Placed | No {
  const items = nodeItems(sentence.tokens, capture.from, capture.to)
  const { clusters } = sentence.names.inventory
  if (given !== undefined) {
    const here = expandAll(items, given)
    return 'names' in here ? { cluster: given, names: here.names } : missing(sentence, here, given, items, body)
  }
  const having = clusters.flatMap((cluster) => {
    const here = cluster.nodes.length === 0 ? undefined : expandAll(items, cluster)
    return here !== undefined && 'names' in here ? [{ cluster, names: here.names }] : []
  })
  const home = clusters.find((c) => c.name === room.cluster)
  const homely = having.find((h) => h.cluster === home)
  if (homely !== undefined && (having.length === 1 || !risky || room.clusters.length <= 1)) return homely
  const [only] = having
  if (only !== undefined && having.length === 1) {
    return home === undefined || !risky ? only : askElsewhere(sentence, capture, only, home, body)
  }
  if (having.length > 1) return askWhich(sentence, capture, having, body)
  return missing(sentence, undefined, home ?? bestGuess(items, clusters), items, body)
}

const nodesAt = (sentence: Sentence, capture: Capture): number => sentence.tokens[capture.to - 1]?.end ?? 0
const onCluster = (sentence: Sentence, capture: Capture, placed: Placed, body: Body): Choice => ({
  label: placed.cluster.name,
  text: rewrite(sentence, body, nodesAt(sentence, capture), nodesAt(sentence, capture), ` on ${placed.cluster.name}`),
})

const askWhich = (sentence: Sentence, capture: Capture, having: readonly Placed[], body: Body): No => ({
  ...noAt(
    sentence,
    capture.from,
    capture.to,
    'PARSE-AMBIGUOUS',
    `${having[0]?.names.join(', ')} ${having[0]?.names.length === 1 ? 'is' : 'are'} listed in ${having.map((h) => h.cluster.name).join(' and ')}. Which cluster?`,
    having.map((h) => onCluster(sentence, capture, h, body)),
  ),
  result: 'ask',
})

const askElsewhere = (sentence: Sentence, capture: Capture, only: Placed, home: InventoryCluster, body: Body): No => ({
  ...noAt(
    sentence,
    capture.from,
    capture.to,
    'PARSE-AMBIGUOUS',
    `${only.names.join(', ')} ${only.names.length === 1 ? 'is' : 'are'} on ${only.cluster.name}, not ${home.name}. Do it on ${only.cluster.name}?`,
    [onCluster(sentence, capture, only, body)],
  ),
  result: 'ask',
})

/** Conditions of all selector captures together; exceptions are names of the cluster. */
export function selectorOf(
  sentence: Sentence,
  captures: readonly Capture[],
  cluster: InventoryCluster | undefined,
  body: Body,
): Selector | undefined | No {
  let selector: Selector | undefined
  for (const capture of captures) {
    if (capture.slot !== 'selector' && capture.slot !== 'clause') continue
    // both recognisers give a Selector, exceptAt beside it
    const { exceptAt, ...conditions } = capture.value as Selector & { readonly exceptAt?: readonly [number, number] }
    selector = { ...selector, ...conditions }
    if (exceptAt === undefined) continue
    const items = nodeItems(sentence.tokens, exceptAt[0], exceptAt[1])
    const here = cluster === undefined ? undefined : expandAll(items, cluster)
    if (here === undefined) selector = { ...selector, except: items.map((i) => i.from) }
    else if ('names' in here) selector = { ...selector, except: [...(selector.except ?? []), ...here.names] }
    else return missing(sentence, here, cluster, items, body)
  }
  return selector
}

import { z } from 'zod'
import type { Node } from '../systems/kubernetes/port.ts'

/** Which nodes are meant when none is named. All conditions hold together. `all` was said: it needs a condition for a change. */
export const selectorSchema = z.object({
  all: z.literal(true).optional(),
  cordoned: z.boolean().optional(),
  ready: z.boolean().optional(),
  role: z.enum(['worker', 'control-plane']).optional(),
  olderThanVersion: z.string().optional(),
  /** `key=value`, `key!=value` or `key`. */
  labels: z.array(z.string()).optional(),
  osds: z.literal(true).optional(),
  except: z.array(z.string()).optional(),
})
export type Selector = z.infer<typeof selectorSchema>

/** Nothing but `all` and exceptions: no filter. */
export const isUnfiltered = ({ all: _all, except: _except, ...filters }: Selector): boolean =>
  Object.values(filters).every((v) => v === undefined)

const versionParts = (version: string): readonly number[] =>
  version.replace(/^v/, '').split(/[.+-]/).slice(0, 3).map(Number)

/** `1.22.0` is older than `1.36`; missing parts count as 0. */
export function isOlder(version: string, than: string): boolean {
  const [a, b] = [versionParts(version), versionParts(than)]
  for (let i = 0; i < 3; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0)
    if (difference !== 0) return difference < 0
  }
  return false
}

function hasLabel(node: Node, label: string): boolean {
  const [, key = '', operator, value] = /^([^=!]+)(?:(!=|==?)(.*))?$/.exec(label) ?? []
  if (operator === undefined) return node.labels[key] !== undefined
  return operator === '!=' ? node.labels[key] !== value : node.labels[key] === value
}

/** Live nodes the selector means. `hasOsds` tells whether a node carries OSDs. */
export function selectNodes(
  nodes: readonly Node[],
  selector: Selector,
  hasOsds: (node: Node) => boolean = () => false,
): readonly Node[] {
  return nodes.filter(
    (node) =>
      (selector.cordoned === undefined || selector.cordoned === node.unschedulable) &&
      (selector.ready === undefined || selector.ready === (node.ready === 'True')) &&
      (selector.role === undefined || (selector.role === 'control-plane') === node.controlPlane) &&
      (selector.olderThanVersion === undefined || isOlder(node.kubeletVersion, selector.olderThanVersion)) &&
      (selector.labels ?? []).every((label) => hasLabel(node, label)) &&
      (selector.osds === undefined || hasOsds(node)) &&
      !(selector.except ?? []).includes(node.name),
  )
}

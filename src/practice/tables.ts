import { humanAge } from '../duration.ts'
import { type Json, type JsonObject, listAt, numberAt, textAt } from './json.ts'
import { type Kind, type Kube, isReady, NODES, PODS, phaseOf, BUDGETS } from './object.ts'

type Column = { readonly name: string; readonly cell: (object: Kube, nowMs: number) => Json }

const age = (object: Kube, nowMs: number): string => humanAge(nowMs - Date.parse(object.metadata.creationTimestamp))

const roles = (node: Kube): string =>
  Object.keys(node.metadata.labels ?? {})
    .filter((label) => label.startsWith('node-role.kubernetes.io/'))
    .map((label) => label.slice(24))
    .sort()
    .join(',') || '<none>'

const nodeStatus = (node: Kube): string =>
  (isReady(node) ? 'Ready' : 'NotReady') + (node.spec?.['unschedulable'] === true ? ',SchedulingDisabled' : '')

const readyCount = (pod: Kube): string => {
  const statuses = listAt(pod.status, 'containerStatuses')
  const total = listAt(pod.spec, 'containers').length
  return `${statuses.filter((one) => typeof one === 'object' && textAt(one, 'name') !== undefined && isReady(pod)).length}/${total}`
}

const podStatus = (pod: Kube): string => (pod.metadata.deletionTimestamp === undefined ? phaseOf(pod) : 'Terminating')

const NAME: Column = { name: 'Name', cell: (object) => object.metadata.name }
const AGE: Column = { name: 'Age', cell: age }
const COLUMNS = new Map<Kind, readonly Column[]>([
  [
    NODES,
    [
      NAME,
      { name: 'Status', cell: nodeStatus },
      { name: 'Roles', cell: roles },
      AGE,
      { name: 'Version', cell: (node) => textAt(node.status, 'nodeInfo', 'kubeletVersion') ?? '' },
    ],
  ],
  [
    PODS,
    [
      NAME,
      { name: 'Ready', cell: readyCount },
      { name: 'Status', cell: podStatus },
      { name: 'Restarts', cell: () => 0 },
      AGE,
      { name: 'Node', cell: (pod) => textAt(pod.spec, 'nodeName') ?? '<none>' },
    ],
  ],
  [
    BUDGETS,
    [NAME, { name: 'Allowed disruptions', cell: (budget) => numberAt(budget.status, 'disruptionsAllowed') ?? 0 }, AGE],
  ],
])

export const wantsTable = (accept: string | undefined): boolean => /;as=Table\b/.test(accept ?? '')

/** meta.k8s.io/v1 Table, what kubectl prints. */
export function tableOf(
  kind: Kind,
  objects: readonly Kube[],
  nowMs: number,
  list?: { version: string; rest?: string },
): JsonObject {
  const columns = COLUMNS.get(kind) ?? [NAME, AGE]
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata: {
      resourceVersion: list?.version ?? objects[0]?.metadata.resourceVersion ?? '',
      ...(list?.rest === undefined ? {} : { continue: list.rest }),
    },
    columnDefinitions: columns.map(({ name }) => ({ name, type: 'string', format: '', description: '', priority: 0 })),
    rows: objects.map((object) => ({
      cells: columns.map(({ cell }) => cell(object, nowMs)),
      object: {
        kind: 'PartialObjectMetadata',
        apiVersion: 'meta.k8s.io/v1',
        metadata: object.metadata,
      },
    })),
  }
}

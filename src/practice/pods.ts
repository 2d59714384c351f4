import { createHash, randomBytes } from 'node:crypto'
import { type Json, type JsonObject, listAt, objectAt, textAt, textsAt } from './json.ts'
import { apiVersionOf, type Kind, type Kube, PODS, withCondition } from './object.ts'

const LETTERS = 'bcdfghjklmnpqrstvwxz2456789'

const letters = (bytes: Uint8Array, length: number): string =>
  [...bytes.subarray(0, length)].map((byte) => LETTERS[byte % LETTERS.length]).join('')

/** A suffix as generateName makes it. */
export const randomSuffix = (length = 5): string => letters(randomBytes(length), length)
/** A suffix that is the same for the same text, as a pod template's hash is. */
export const hashSuffix = (text: string, length = 10): string =>
  letters(createHash('sha256').update(text).digest(), length)

const NOT_READY_FOR_300_S: Json[] = ['not-ready', 'unreachable'].map((name) => ({
  key: `node.kubernetes.io/${name}`,
  operator: 'Exists',
  effect: 'NoExecute',
  tolerationSeconds: 300,
}))

/** A pod's spec with what admission and defaulting add. */
export const podSpec = (spec: JsonObject): JsonObject => ({
  restartPolicy: 'Always',
  terminationGracePeriodSeconds: 30,
  dnsPolicy: 'ClusterFirst',
  serviceAccountName: 'default',
  schedulerName: 'default-scheduler',
  enableServiceLinks: true,
  ...spec,
  tolerations: [...listAt(spec, 'tolerations'), ...NOT_READY_FOR_300_S],
})

/** A new pod of an owner's template, not scheduled unless a node is given. */
export function podOf(kind: Kind, owner: Kube, name: string, node?: string): Kube {
  const template = objectAt(owner.spec, 'template')
  return {
    apiVersion: apiVersionOf(PODS),
    kind: PODS.kind,
    metadata: {
      name,
      namespace: owner.metadata.namespace ?? '',
      uid: '',
      resourceVersion: '',
      creationTimestamp: '',
      labels: textsAt(template, 'metadata', 'labels'),
      annotations: textsAt(template, 'metadata', 'annotations'),
      ownerReferences: [
        {
          apiVersion: apiVersionOf(kind),
          kind: kind.kind,
          name: owner.metadata.name,
          uid: owner.metadata.uid,
          controller: true,
          blockOwnerDeletion: true,
        },
      ],
    },
    spec: podSpec({ ...objectAt(template, 'spec'), ...(node === undefined ? {} : { nodeName: node }) }),
    status: { phase: 'Pending', qosClass: 'Burstable' },
  }
}

const containerStatuses = (pod: Kube, ready: boolean, at: string): Json[] =>
  listAt(pod.spec, 'containers').map((container) => ({
    name: textAt(container, 'name') ?? '',
    image: textAt(container, 'image') ?? '',
    ready,
    started: true,
    restartCount: 0,
    state: { running: { startedAt: at } },
  }))

/** The pod as its kubelet reports it when its containers run. */
export function running(pod: Kube, ready: boolean, address: string, at: string): Kube {
  const base = { ...pod.status, phase: 'Running', startTime: textAt(pod.status, 'startTime') ?? at }
  const conditions = ['PodScheduled', 'Initialized'].reduce<JsonObject>(
    (status, type) => withCondition(status, type, 'True', at),
    base,
  )
  const state = ready ? 'True' : 'False'
  const status = withCondition(withCondition(conditions, 'ContainersReady', state, at), 'Ready', state, at)
  return {
    ...pod,
    status: {
      ...status,
      podIP: address,
      podIPs: [{ ip: address }],
      containerStatuses: containerStatuses(pod, ready, at),
    },
  }
}

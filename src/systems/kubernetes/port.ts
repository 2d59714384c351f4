import type { SluiceError } from '../../errors.ts'

/**
 * PORT: a Kubernetes cluster in our words. All times are milliseconds since 1970, all waits take a signal.
 * Methods throw SluiceError K8S-UNREACHABLE | K8S-TIMEOUT | K8S-BUSY | K8S-FAULT | K8S-FORBIDDEN | K8S-NOT-FOUND | K8S-CONFLICT | K8S-ERROR | K8S-CREDENTIALS.
 */
export type Owner = { readonly kind: string; readonly apiVersion: string; readonly name: string; readonly uid: string }
export type Labels = Readonly<Record<string, string>>
export type Taint = {
  readonly key: string
  readonly value?: string
  readonly effect: string
  readonly addedAtMs?: number
}
export type Toleration = {
  readonly key?: string
  readonly operator?: string
  readonly value?: string
  readonly effect?: string
}
export type Resources = { readonly cpuMillis: number; readonly memoryBytes: number }

export type Node = {
  readonly name: string
  readonly uid: string
  readonly resourceVersion: string
  readonly unschedulable: boolean
  readonly ready: 'True' | 'False' | 'Unknown'
  readonly roles: readonly string[]
  readonly controlPlane: boolean
  readonly labels: Labels
  readonly annotations: Labels
  readonly taints: readonly Taint[]
  readonly createdAtMs: number
  readonly kubeletVersion: string
  readonly internalIp?: string
  readonly osImage: string
  readonly kernelVersion: string
  readonly containerRuntime: string
  readonly bootId: string
  readonly allocatable: Resources & { readonly pods: number }
}

export type Pod = {
  readonly namespace: string
  readonly name: string
  readonly uid: string
  readonly resourceVersion: string
  readonly node?: string
  readonly phase: string
  readonly ready: boolean
  readonly labels: Labels
  readonly annotations: Labels
  /** ownerReference with controller=true, if any. */
  readonly controller?: Owner
  readonly mirror: boolean
  /** Names of emptyDir volumes. */
  readonly emptyDirs: readonly string[]
  /** PersistentVolumeClaim names. */
  readonly claims: readonly string[]
  readonly tolerations: readonly Toleration[]
  readonly requests: Resources
  readonly createdAtMs: number
  readonly deletionAtMs?: number
  readonly graceSeconds: number
  readonly finalizers: readonly string[]
  /** The reason a container waits (CrashLoopBackOff, ImagePullBackOff ...). */
  readonly waitingReason?: string
  readonly restarts: number
}

export type LabelSelector = {
  readonly matchLabels?: Labels
  readonly matchExpressions?: readonly {
    readonly key: string
    readonly operator: string
    readonly values?: readonly string[]
  }[]
}

export type Pdb = {
  readonly namespace: string
  readonly name: string
  readonly uid: string
  readonly labels: Labels
  readonly selector: LabelSelector | undefined
  readonly minAvailable?: string
  readonly maxUnavailable?: string
  readonly unhealthyPodEvictionPolicy?: string
  readonly disruptionsAllowed: number
  readonly currentHealthy: number
  readonly desiredHealthy: number
  readonly expectedPods: number
}

/** A workload that owns pods, the topmost one known (Deployment over ReplicaSet). */
export type Workload = {
  readonly kind: string
  readonly namespace: string
  readonly name: string
  readonly uid: string
  readonly replicas: number
  readonly readyReplicas: number
}

export type EvictOptions = {
  readonly uid: string
  /** -1: the pod's own. */
  readonly gracePeriodSeconds: number
  readonly dryRun?: boolean
  readonly signal?: AbortSignal
}

export type Eviction =
  | { readonly kind: 'accepted' }
  | { readonly kind: 'gone' }
  /** 409: the name now belongs to another uid. */
  | { readonly kind: 'replaced' }
  /** 429. cause `budget`: a PDB says no; `migrating`: a KubeVirt VM moves away by itself; `busy`: API priority and fairness. */
  | {
      readonly kind: 'later'
      /** `busy`: the server asks to wait, is not there, or had a write conflict of its own; `fault`: 500, its own or a webhook's. */
      readonly cause: 'budget' | 'migrating' | 'busy' | 'fault'
      readonly budget?: string
      /** What is wrong with the server; absent where nothing is. */
      readonly trouble?: SluiceError
      readonly retryAfterMs?: number
      readonly text: string
    }
  /** 403 in a terminating namespace. */
  | { readonly kind: 'namespace-terminating'; readonly text: string }
  /** 500 of two budgets, 400, other 403: not tried again. */
  | { readonly kind: 'refused'; readonly status: number; readonly multiPdb: boolean; readonly text: string }

export type PodEvent = { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly pod: Pod }
export type PdbEvent = { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly pdb: Pdb }
export type Query = {
  readonly node?: string
  readonly namespace?: string
  readonly labelSelector?: string
  readonly signal?: AbortSignal
}
export type Call = { readonly signal?: AbortSignal }

export type NodePatch = {
  readonly unschedulable?: boolean
  /** null removes the annotation. */
  readonly annotations?: Readonly<Record<string, string | null>>
  readonly labels?: Readonly<Record<string, string | null>>
  /** Refused with K8S-CONFLICT when the node is another one by now. */
  readonly uid: string
  /** With it, refused with K8S-CONFLICT when the node changed since. */
  readonly resourceVersion?: string
  readonly dryRun?: boolean
}

/** A Lease that shall be `holder`'s for `durationMs` from now. */
export type LeaseWanted = {
  readonly namespace: string
  readonly name: string
  readonly holder: string
  readonly durationMs: number
  readonly annotations: Readonly<Record<string, string>>
}
export type LeaseAnswer =
  /** Nobody else can take it before `untilMs` of performance.now(), which also runs while a process is stopped. */
  | { readonly kind: 'ours'; readonly untilMs: number }
  /** Somebody else's: whose, and what is written on it. */
  | {
      readonly kind: 'other'
      readonly holder: string
      readonly annotations: Readonly<Record<string, string>>
    }

export type WatchOptions = {
  readonly signal: AbortSignal
  readonly onTrouble?: (error: SluiceError | undefined) => void
}

export type Cluster = {
  readonly name: string
  /** uid of the namespace kube-system: the identity of the cluster (SR14). */
  readonly identity: (call?: Call) => Promise<string>
  /** The API server's clock (its Date header), ms. */
  readonly serverTimeMs: (call?: Call) => Promise<number>
  readonly version: (call?: Call) => Promise<string>
  readonly nodes: (query?: {
    readonly labelSelector?: string
    readonly signal?: AbortSignal
  }) => Promise<readonly Node[]>
  readonly node: (name: string, call?: Call) => Promise<Node | undefined>
  /** No PATCH is sent by a caller when nothing would change. Merge patch; returns the node after it. */
  readonly patchNode: (name: string, patch: NodePatch, call?: Call) => Promise<Node>
  /** All pages; a 410 on a continue token restarts the list. `resourceVersion` is where a watch goes on. */
  readonly pods: (query: Query) => Promise<{ readonly items: readonly Pod[]; readonly resourceVersion: string }>
  readonly pod: (namespace: string, name: string, call?: Call) => Promise<Pod | undefined>
  readonly evict: (
    pod: { readonly namespace: string; readonly name: string },
    options: EvictOptions,
  ) => Promise<Eviction>
  /** DELETE with uid precondition. `gone` on 404, `replaced` on 409. */
  readonly deletePod: (
    pod: { readonly namespace: string; readonly name: string },
    options: EvictOptions,
  ) => Promise<Eviction>
  readonly pdbs: (query?: Query) => Promise<readonly Pdb[]>
  /** 404 -> undefined; 403 and 500 throw (DR-20). */
  readonly daemonSet: (
    namespace: string,
    name: string,
    call?: Call,
  ) => Promise<{ readonly name: string; readonly uid: string } | undefined>
  /** The topmost workload of a controller; undefined when its kind is not one we know or it is gone. */
  readonly workload: (namespace: string, owner: Owner, call?: Call) => Promise<Workload | undefined>
  /** Nodes a bound claim is pinned to by its PV's nodeAffinity (a local volume); undefined when it can move. */
  readonly claimPinnedTo: (namespace: string, claim: string, call?: Call) => Promise<readonly string[] | undefined>
  readonly lease: (
    namespace: string,
    name: string,
    call?: Call,
  ) => Promise<
    { readonly holder?: string; readonly renewedAtMs?: number; readonly resourceVersion: string } | undefined
  >
  /**
   * Takes or renews a Lease, by the API server's clock and with a precondition on its resourceVersion; one whose time has run out is taken over. Nothing is
   * written while somebody else has it. What is said of another holder is fit to be shown. Throws also K8S-BUSY when others wrote it ten times in between.
   */
  readonly holdLease: (wanted: LeaseWanted, call?: Call) => Promise<LeaseAnswer>
  /** Nobody holds it from now on, unless it was written since that version was read. */
  readonly freeLease: (namespace: string, name: string, resourceVersion: string, call?: Call) => Promise<void>
  /** Objects of a custom kind as unknown JSON, [] when the kind does not exist. */
  readonly custom: (group: string, version: string, plural: string, call?: Call) => Promise<readonly unknown[]>
  /**
   * Events from `resourceVersion` on, with bookmarks, reconnecting with jittered back-off by itself; after 410 it lists again and reports
   * what vanished as DELETED (of `known`, the pods the caller has from its list, and of those reported). `onEvent` must not throw.
   * `onTrouble` is told why nothing is seen when it was silent or failed twice in a row, and undefined when it sees again.
   * Resolves when the signal aborts; rejects only when the credentials are refused.
   */
  readonly watchPods: (
    query: Query & WatchOptions & { readonly resourceVersion: string; readonly known?: readonly Pod[] },
    onEvent: (event: PodEvent) => void,
  ) => Promise<void>
  readonly watchPdbs: (query: WatchOptions, onEvent: (event: PdbEvent) => void) => Promise<void>
  /** A ConfigMap key or undefined. */
  readonly configMap: (
    namespace: string,
    name: string,
    call?: Call,
  ) => Promise<Readonly<Record<string, string>> | undefined>
  readonly close: () => Promise<void>
}

/** labels.Selector.Matches of apimachinery; undefined selects nothing, an empty one everything. */
export function selects(selector: LabelSelector | undefined, labels: Labels): boolean {
  if (selector === undefined) return false
  const byLabel = Object.entries(selector.matchLabels ?? {}).every(([k, v]) => labels[k] === v)
  const byExpression = (selector.matchExpressions ?? []).every(({ key, operator, values = [] }) => {
    const value = labels[key]
    if (operator === 'In') return value !== undefined && values.includes(value)
    if (operator === 'NotIn') return value === undefined || !values.includes(value)
    if (operator === 'Exists') return value !== undefined
    return operator === 'DoesNotExist' && value === undefined
  })
  return byLabel && byExpression
}

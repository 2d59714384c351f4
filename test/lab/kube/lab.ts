/** What a brought Kubernetes offers to a test. `*Data` is JSON: hand it to another process and `attach` there. */
export type Ran = { readonly code: number; readonly stdout: string; readonly stderr: string }

/** Runs the lab's kubectl with the lab's kubeconfig; never throws on a non-zero code. */
export type Kubectl = (argv: readonly string[], stdin?: string) => Promise<Ran>

/** One entry of the API server's audit log. `requestUid` is the uid precondition of an eviction or deletion. */
export type AuditEvent = {
  readonly auditId: string
  readonly stage: string
  readonly atMs: number
  readonly verb: string
  readonly user: string
  readonly userAgent: string
  readonly resource: string
  readonly subresource: string
  readonly namespace: string
  readonly name: string
  /** 0 while the stage is RequestReceived. */
  readonly code: number
  readonly dryRun: boolean
  readonly requestUid?: string
}

export type KubeData = {
  readonly dir: string
  readonly bin: string
  readonly kubeconfig: string
  readonly server: string
  readonly versions: Readonly<Record<string, string>>
}

type Common = {
  readonly data: KubeData
  readonly kubeconfig: string
  /** https://[::1]:PORT */
  readonly server: string
  readonly versions: Readonly<Record<string, string>>
  readonly kubectl: Kubectl
  /** The audit log so far, oldest first: evictions with their body, other writes on pods and nodes without. */
  readonly auditEvents: () => Promise<readonly AuditEvent[]>
  /** Name of each server (or host) to its pid now. */
  readonly pids: () => Promise<Readonly<Record<string, number>>>
  /** Ends every process of the lab and removes its directory. Any holder may call it; the second call does nothing. */
  readonly stop: () => Promise<void>
}

/** The quick shape: real control plane, kwok for the kubelets. */
export type KubeLab = Common & {
  /** kill -9 of the API server. */
  readonly killApiserver: () => Promise<void>
  /** Starts it again; ends when /readyz says ok. */
  readonly startApiserver: () => Promise<void>
  /** `down`: its heartbeats stop, the node is NotReady after the grace period (40 s unless brought otherwise). */
  readonly setKubelet: (node: string, state: 'up' | 'down') => Promise<void>
}

/** p10 itself: hosts with their own network, processes and disk, joined by real kubeadm. */
export type P10Lab = Common & {
  /** All processes of the host die at once; its disk stays. */
  readonly powerOff: (host: string) => Promise<void>
  /** Boots the host again and starts its kubelet; does not wait for Ready. */
  readonly powerOn: (host: string) => Promise<void>
  /** Runs argv on the host as root. */
  readonly on: (host: string, argv: readonly string[], stdin?: string) => Promise<Ran>
}

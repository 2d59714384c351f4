import { randomUUID } from 'node:crypto'

/** p10's nodes, `:cp` = control plane (the seeds' list). */
export const P10_NODES = [
  'server22',
  'server23',
  'server24',
  'server25',
  'server26',
  'server27',
  'server63:cp',
  'server64',
  'server65:cp',
  'server66',
  'server83:cp',
  'server84',
  'server85',
  'server86',
] as const

/** For a node that is Ready from birth: others who work in the same cluster must not see one that is not. */
export const readyNow = (): object => ({
  type: 'Ready',
  status: 'True',
  reason: 'KubeletReady',
  message: 'kubelet is posting ready status',
  lastHeartbeatTime: new Date().toISOString(),
  lastTransitionTime: new Date().toISOString(),
})

const ROOM = { cpu: '64', memory: '256Gi', pods: '250', 'ephemeral-storage': '1Ti' }

function node(entry: string, version: string): object {
  const [name = '', role] = entry.split(':')
  const control = role === 'cp' ? { 'node-role.kubernetes.io/control-plane': '' } : {}
  const labels = {
    'kubelab/kubelet': 'up',
    'kubernetes.io/hostname': name,
    'kubernetes.io/os': 'linux',
    'kubernetes.io/arch': 'amd64',
  }
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels: { ...labels, ...control } },
    spec: { taints: role === 'cp' ? [{ key: 'node-role.kubernetes.io/control-plane', effect: 'NoSchedule' }] : [] },
    status: {
      addresses: [
        { type: 'InternalIP', address: `fd00:0:0:1::${/\d+$/.exec(name)?.[0] ?? '1'}` },
        { type: 'Hostname', address: name },
        // Where the API server finds the "kubelet": --kubelet-preferred-address-types=InternalDNS.
        { type: 'InternalDNS', address: '::1' },
      ],
      capacity: ROOM,
      allocatable: ROOM,
      nodeInfo: {
        machineID: randomUUID().replaceAll('-', ''),
        systemUUID: randomUUID(),
        bootID: randomUUID(),
        kubeProxyVersion: '',
        kubeletVersion: version,
        osImage: 'Debian GNU/Linux 12 (bookworm)',
        kernelVersion: '6.1.0-35-amd64',
        containerRuntimeVersion: 'containerd://1.7.24',
        operatingSystem: 'linux',
        architecture: 'amd64',
      },
    },
  }
}

/** A List of nodes to apply on the server side. */
export function nodeList(entries: readonly string[], version: string): string {
  return JSON.stringify({ apiVersion: 'v1', kind: 'List', items: entries.map((entry) => node(entry, version)) })
}

import { appendFile, writeFile } from 'node:fs/promises'
import { AUDIT_POLICY } from './audit.ts'
import { addressOf, API_NAME, API_PORT, backends, balancerUp, mustOn, put, type Site } from './site.ts'

const AUDIT_FILE = '/etc/sluice-lab-audit.json'
export const AUDIT_LOG = 'kube-audit.log'
const CRI = 'unix:///run/containerd/containerd.sock'

const registration = (name: string) =>
  `{name: ${name}, imagePullPolicy: Never, criSocket: ${CRI}, kubeletExtraArgs: [{name: node-ip, value: "${addressOf(name)}"}]}`
const endpoint = (name: string) => `{advertiseAddress: "${addressOf(name)}", bindPort: ${API_PORT}}`

type Wanted = { readonly version: string; readonly graceMs: number }

function initConfig(name: string, { version, graceMs }: Wanted): string {
  return `apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
localAPIEndpoint: ${endpoint(name)}
nodeRegistration: ${registration(name)}
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
clusterName: p10
kubernetesVersion: ${version}
controlPlaneEndpoint: ${API_NAME}:${API_PORT}
encryptionAlgorithm: ECDSA-P256
networking: {dnsDomain: p10.k8s.ooo, serviceSubnet: "fd00:0:0:3::/108", podSubnet: "fd00:0:0:2::/64"}
apiServer: {extraArgs: [{name: audit-policy-file, value: ${AUDIT_FILE}}, {name: audit-log-path, value: /var/log/${AUDIT_LOG}}]}
controllerManager: {extraArgs: [{name: node-cidr-mask-size-ipv6, value: "80"}, {name: node-monitor-grace-period, value: ${graceMs}ms}]}
`
}

/** Real `kubeadm init` of the first control plane. */
export async function kubeadmInit(site: Site, name: string, wanted: Wanted): Promise<void> {
  await writeFile(backends(site), `${addressOf(name)}\n`)
  await balancerUp(site)
  await put(site, name, AUDIT_FILE, AUDIT_POLICY)
  await put(site, name, '/etc/kubeadm.yaml', initConfig(name, wanted))
  const quiet = ['--skip-token-print', '--skip-certificate-key-print', '--ignore-preflight-errors=all']
  await mustOn(site, name, ['kubeadm', 'init', '--config', '/etc/kubeadm.yaml', '--upload-certs', ...quiet])
}

function joinConfig(
  name: string,
  [server = '', token = '', hash = '']: readonly string[],
  controlPlane: string,
): string {
  return `apiVersion: kubeadm.k8s.io/v1beta4
kind: JoinConfiguration
discovery: {bootstrapToken: {apiServerEndpoint: "${server}", token: ${token}, caCertHashes: ["${hash}"]}}
nodeRegistration: ${registration(name)}
${controlPlane}
`
}

/** Real `kubeadm join`; token and certificate key are made on `from`. */
export async function kubeadmJoin(
  site: Site,
  from: string,
  name: string,
  { controlPlane = false } = {},
): Promise<void> {
  // kubeadm join HOST:PORT --token T --discovery-token-ca-cert-hash H
  const said = (await mustOn(site, from, ['kubeadm', 'token', 'create', '--print-join-command', '--ttl', '1h']))
    .trim()
    .split(/\s+/)
  let more = ''
  if (controlPlane) {
    const uploaded = await mustOn(site, from, ['kubeadm', 'init', 'phase', 'upload-certs', '--upload-certs'])
    const key = uploaded.trim().split('\n').at(-1) ?? ''
    more = `controlPlane: {certificateKey: ${key}, localAPIEndpoint: ${endpoint(name)}}`
    await put(site, name, AUDIT_FILE, AUDIT_POLICY)
  }
  await put(site, name, '/etc/kubeadm-join.yaml', joinConfig(name, [said[2] ?? '', said[4] ?? '', said[6] ?? ''], more))
  await mustOn(site, name, ['kubeadm', 'join', '--config', '/etc/kubeadm-join.yaml', '--ignore-preflight-errors=all'])
  if (controlPlane) await appendFile(backends(site), `${addressOf(name)}\n`)
}

import { join } from 'node:path'
import type { Start } from './keep.ts'

const ADVERTISE = 'fd00::1'
const SERVICES = 'fd00:0:0:3::/108'
const PODS = 'fd00:0:0:2::/64'
const HERE = import.meta.dirname

export type Shape = {
  readonly dir: string
  readonly bin: string
  readonly port: number
  readonly auditLog: boolean
  readonly graceMs: number
}

/** What kubeadm makes the certificates and kubeconfigs from. Ports on [::1]: +0 API, +1 and +2 etcd, +3 kcm, +4 scheduler, +5 kwok. */
export function kubeadmConfig({ dir, port }: Shape, version: string): string {
  return `apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
localAPIEndpoint: {advertiseAddress: "${ADVERTISE}", bindPort: ${port}}
nodeRegistration: {name: server1, criSocket: unix:///run/containerd/containerd.sock}
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
clusterName: lab
kubernetesVersion: ${version}
certificatesDir: ${dir}/pki
controlPlaneEndpoint: "[::1]:${port}"
encryptionAlgorithm: ECDSA-P256
networking: {serviceSubnet: "${SERVICES}", podSubnet: "${PODS}"}
apiServer: {certSANs: ["::1", localhost]}
etcd: {local: {dataDir: ${dir}/etcd, serverCertSANs: ["::1", localhost], peerCertSANs: ["::1", localhost]}}
`
}

/** kubeadm refuses [::1] as an advertised address, so it writes this one; every component shall reach the one server. */
export const advertised = (port: number): string => `https://[${ADVERTISE}]:${port}`

function etcd({ dir, bin, port }: Shape): Start {
  const at = (offset: number) => `https://[::1]:${port + offset}`
  const pki = join(dir, 'pki/etcd')
  const argv = [
    join(bin, 'etcd'),
    '--name=lab',
    `--data-dir=${dir}/etcd`,
    '--unsafe-no-fsync',
    '--snapshot-count=100000',
    `--listen-client-urls=${at(1)}`,
    `--advertise-client-urls=${at(1)}`,
    `--listen-peer-urls=${at(2)}`,
    `--initial-advertise-peer-urls=${at(2)}`,
    `--initial-cluster=lab=${at(2)}`,
    `--cert-file=${pki}/server.crt`,
    `--key-file=${pki}/server.key`,
    `--trusted-ca-file=${pki}/ca.crt`,
    '--client-cert-auth',
    `--peer-cert-file=${pki}/peer.crt`,
    `--peer-key-file=${pki}/peer.key`,
    `--peer-trusted-ca-file=${pki}/ca.crt`,
    '--peer-client-cert-auth',
  ]
  return { name: 'etcd', argv }
}

function apiserver({ dir, bin, port, auditLog }: Shape): Start {
  const pki = join(dir, 'pki')
  const audit = [`--audit-policy-file=${dir}/audit-policy.json`, `--audit-log-path=${dir}/audit.log`]
  const argv = [
    join(bin, 'kube-apiserver'),
    '--bind-address=::1',
    `--secure-port=${port}`,
    `--advertise-address=${ADVERTISE}`,
    '--kubelet-preferred-address-types=InternalDNS',
    '--endpoint-reconciler-type=none',
    `--etcd-servers=https://[::1]:${port + 1}`,
    `--etcd-cafile=${pki}/etcd/ca.crt`,
    `--etcd-certfile=${pki}/apiserver-etcd-client.crt`,
    `--etcd-keyfile=${pki}/apiserver-etcd-client.key`,
    `--client-ca-file=${pki}/ca.crt`,
    `--tls-cert-file=${pki}/apiserver.crt`,
    `--tls-private-key-file=${pki}/apiserver.key`,
    `--kubelet-client-certificate=${pki}/apiserver-kubelet-client.crt`,
    `--kubelet-client-key=${pki}/apiserver-kubelet-client.key`,
    `--proxy-client-cert-file=${pki}/front-proxy-client.crt`,
    `--proxy-client-key-file=${pki}/front-proxy-client.key`,
    `--requestheader-client-ca-file=${pki}/front-proxy-ca.crt`,
    '--requestheader-allowed-names=front-proxy-client',
    '--requestheader-username-headers=X-Remote-User',
    '--requestheader-group-headers=X-Remote-Group',
    '--requestheader-extra-headers-prefix=X-Remote-Extra-',
    '--service-account-issuer=https://kubernetes.default.svc.cluster.local',
    `--service-account-key-file=${pki}/sa.pub`,
    `--service-account-signing-key-file=${pki}/sa.key`,
    '--authorization-mode=Node,RBAC',
    '--enable-admission-plugins=NodeRestriction',
    '--enable-bootstrap-token-auth',
    '--allow-privileged',
    `--service-cluster-ip-range=${SERVICES}`,
    '--profiling=false',
    ...(auditLog ? audit : []),
  ]
  return { name: 'kube-apiserver', argv }
}

function loopback(dir: string, program: string, port: number): string[] {
  const conf = `${dir}/conf/${program}.conf`
  const flags = ['kubeconfig', 'authentication-kubeconfig', 'authorization-kubeconfig'].map(
    (flag) => `--${flag}=${conf}`,
  )
  return ['--bind-address=::1', `--secure-port=${port}`, '--leader-elect=false', ...flags]
}

function controllerManager({ dir, bin, port, graceMs }: Shape): Start {
  const argv = [
    join(bin, 'kube-controller-manager'),
    ...loopback(dir, 'controller-manager', port + 3),
    `--client-ca-file=${dir}/pki/ca.crt`,
    `--root-ca-file=${dir}/pki/ca.crt`,
    `--requestheader-client-ca-file=${dir}/pki/front-proxy-ca.crt`,
    `--cluster-signing-cert-file=${dir}/pki/ca.crt`,
    `--cluster-signing-key-file=${dir}/pki/ca.key`,
    `--service-account-private-key-file=${dir}/pki/sa.key`,
    '--use-service-account-credentials',
    // With the default rate it takes 5 s until the ServiceAccount controller has made `default`.
    '--kube-api-qps=1000',
    '--kube-api-burst=2000',
    '--controllers=*,bootstrap-signer-controller,token-cleaner-controller',
    '--allocate-node-cidrs',
    // The default of 64 leaves room for one node only in a /64.
    '--node-cidr-mask-size=80',
    `--cluster-cidr=${PODS}`,
    `--service-cluster-ip-range=${SERVICES}`,
    `--node-monitor-grace-period=${graceMs}ms`,
  ]
  return { name: 'kube-controller-manager', argv }
}

function kwok({ dir, bin, port, graceMs }: Shape): Start {
  const argv = [
    join(bin, 'kwok'),
    `--kubeconfig=${dir}/conf/super-admin.conf`,
    `--config=${join(HERE, 'stages.yaml')}`,
    '--manage-nodes-with-label-selector=kubelab/kubelet=up',
    // A lease is renewed after a quarter of its duration; a grace period shorter than that would make healthy nodes flap.
    `--node-lease-duration-seconds=${Math.max(4, Math.min(40, Math.floor(graceMs / 1000)))}`,
    `--cidr=${PODS}`,
    '--node-ip=::1',
    `--server-address=[::1]:${port + 5}`,
    `--node-port=${port + 5}`,
    `--tls-cert-file=${dir}/pki/apiserver.crt`,
    `--tls-private-key-file=${dir}/pki/apiserver.key`,
  ]
  return { name: 'kwok', argv }
}

function scheduler({ dir, bin, port }: Shape): Start {
  return { name: 'kube-scheduler', argv: [join(bin, 'kube-scheduler'), ...loopback(dir, 'scheduler', port + 4)] }
}

/** The servers of the quick shape (recipe: up6.sh of the trials; IPv6 only, nothing on 127.0.0.1). */
export function servers(shape: Shape): { etcd: Start; apiserver: Start; others: readonly Start[] } {
  return {
    etcd: etcd(shape),
    apiserver: apiserver(shape),
    others: [controllerManager(shape), scheduler(shape), kwok(shape)],
  }
}

import { attachKube } from '../lab/kube.ts'
import { real } from '../lab/need.ts'
import { clusterContract, contractObjects } from './kubernetes.contract.ts'

await real(['kube'], 'a real API server', (data) => {
  clusterContract('Kubernetes', async () => {
    const { kubectl, kubeconfig } = attachKube(data)
    const [namespace, node] = ['contract', 'server27']
    const items = contractObjects(namespace, node)
    const made = await kubectl(['apply', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items }))
    if (made.code !== 0) throw new Error(made.stderr)
    const stop = async () => void (await kubectl(['delete', 'namespace', namespace, '--wait=false']))
    return { credentials: { kubeconfig }, namespace, node, stop }
  })
})

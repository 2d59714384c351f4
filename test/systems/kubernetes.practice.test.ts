import { openTestWorld } from '../practice/open-practice.ts'
import { clusterContract, contractObjects } from './kubernetes.contract.ts'

clusterContract('the practice API server', async () => {
  const world = await openTestWorld()
  const target = world.file.clusters.p10
  if (target === undefined) throw new Error('the practice world has no p10')
  const [namespace, node] = ['contract', 'server27']
  const budgets = `/apis/policy/v1/namespaces/${namespace}/poddisruptionbudgets`
  const deployments = `/apis/apps/v1/namespaces/${namespace}/deployments`
  const paths = ['/api/v1/namespaces', budgets, deployments, budgets, deployments]
  for (const [i, object] of contractObjects(namespace, node).entries()) {
    // objects of the contract are plain JSON
    const made = await world.api('p10', 'POST', paths[i] ?? '', object as never)
    if (made.status !== 201) throw new Error(made.text)
  }
  const credentials = { server: target.server, ca: target.caPem, token: target.token }
  return { credentials, namespace, node, stop: world.stop }
})

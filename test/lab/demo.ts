import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { kubectlWith } from './kube/api.ts'
import { buildKube } from './kube/build.ts'
import { apply, deployment, namespace, statefulSet, waitRunning } from './workloads.ts'

// demo.ts KUBECONFIG: puts a few workloads on server23 of the lab's p10, so that the tour has something to move, and plays the tour.
const kubeconfig = process.argv[2] ?? ''
const { bin } = await buildKube()
const kubectl = kubectlWith(bin, kubeconfig)
const SHOP = 'shop'
await apply(kubectl, [
  namespace(SHOP),
  ...deployment({ namespace: SHOP, name: 'web', node: 'server23', replicas: 4, pdb: { maxUnavailable: 1 } }),
  ...deployment({ namespace: SHOP, name: 'mail', node: 'server23', replicas: 1 }),
  ...statefulSet({ namespace: SHOP, name: 'db', node: 'server23', replicas: 1 }),
])
await waitRunning(kubectl, SHOP, 6, { node: 'server23' })
const tour = spawn(join(import.meta.dirname, '..', '..', 'bin', 'sluice'), ['demo', '--kubeconfig', kubeconfig], {
  stdio: 'inherit',
})
const [code] = await once(tour, 'exit')
process.exitCode = typeof code === 'number' ? code : 1

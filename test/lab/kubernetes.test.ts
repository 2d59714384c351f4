import { expect, test } from 'vitest'
import { P10_NODES } from './kube/nodes.ts'
import { attachKube } from './kube.ts'
import { real } from './need.ts'
import { attachP10 } from './p10.ts'

await real(['kube'], 'the shared quick Kubernetes', (data) => {
  test('has the nodes of p10, Ready', async () => {
    // other files bring nodes of their own, and take kubelets away for a while: Ready is waited for
    const names = P10_NODES.map((entry) => entry.replace(':cp', ''))
    const ready = async (): Promise<readonly string[]> => {
      const { stdout } = await attachKube(data).kubectl(['get', 'nodes', '--no-headers'])
      const found = stdout.split('\n').flatMap((line) => /^(\S+)\s+Ready(,|\s)/.exec(line)?.[1] ?? [])
      return names.filter((name) => found.includes(name))
    }
    await expect.poll(ready, { timeout: 25_000, interval: 500 }).toEqual(names)
  })
})

await real(['p10'], 'the shared p10', (data) => {
  test('has its nodes by real kubeadm, and IPv6 addresses only', async () => {
    const { stdout } = await attachP10(data).kubectl([
      'get',
      'nodes',
      '-o',
      'jsonpath={.items[*].status.addresses[?(@.type=="InternalIP")].address}',
    ])
    const addresses = stdout.split(' ')
    expect(addresses).toHaveLength(14)
    expect(addresses.filter((address) => !address.includes(':'))).toEqual([])
  })
})

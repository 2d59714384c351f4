import { expect, test } from 'vitest'
import { attachKube } from './kube.ts'
import { real } from './need.ts'
import { attachP10 } from './p10.ts'

await real(['kube'], 'the shared quick Kubernetes', (data) => {
  test('has the nodes of p10, Ready', async () => {
    // other files cordon nodes and take kubelets away for a while: Ready counts, and is waited for
    const ready = async (): Promise<number> => {
      const { stdout } = await attachKube(data).kubectl(['get', 'nodes', '--no-headers'])
      return stdout.split('\n').filter((line) => /\sReady(,|\s)/.test(line)).length
    }
    await expect.poll(ready, { timeout: 25_000, interval: 500 }).toBe(14)
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

import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { KubeData, KubeLab, P10Lab } from './kube/lab.ts'
import { lives, until } from './kube/run.ts'
import { attachKube, bringKube } from './kube.ts'
import { bringP10, p10Hindrance } from './p10.ts'
import { apply, deployment, namespace, podsOn, waitRunning } from './workloads.ts'

const MINUTES = 60_000
const dirFor = (name: string) => mkdtemp(join(tmpdir(), `sluice-${name}-`))
const allGone = (pids: readonly number[]) =>
  until('every process of the lab to be gone', () => (pids.some(lives) ? undefined : true))

async function readyNodes(lab: KubeLab | P10Lab): Promise<readonly string[]> {
  const { stdout } = await lab.kubectl(['get', 'nodes', '--no-headers'])
  return stdout.split('\n').flatMap((line) => /^(\S+)\s+Ready\b/.exec(line)?.[1] ?? [])
}

const readyIs = (lab: KubeLab | P10Lab, object: readonly string[], wanted: string) =>
  until(
    `${object.join('/')} to be Ready=${wanted}`,
    async () => {
      const path = 'jsonpath={.status.conditions[?(@.type=="Ready")].status}'
      return (await lab.kubectl(['get', ...object, '-o', path])).stdout === wanted ? true : undefined
    },
    { limitMs: 3 * MINUTES, everyMs: 300 },
  )

async function drainsByKubectl(lab: KubeLab | P10Lab): Promise<void> {
  await apply(lab.kubectl, [
    namespace('drained'),
    ...deployment({ namespace: 'drained', name: 'web', replicas: 3, node: 'server23', pdb: { maxUnavailable: 1 } }),
  ])
  await waitRunning(lab.kubectl, 'drained', 3, { node: 'server23' })
  const drained = await lab.kubectl(['drain', 'server23', '--ignore-daemonsets', '--timeout=120s'])
  expect(drained.code, drained.stderr).toBe(0)
  expect(await podsOn(lab.kubectl, 'server23')).toEqual([])
  await waitRunning(lab.kubectl, 'drained', 3)
}

describe('the quick shape', () => {
  let lab: KubeLab
  beforeAll(async () => {
    lab = await bringKube({ dir: await dirFor('kube'), graceMs: 12_000 })
  }, 15 * MINUTES)
  afterAll(() => lab?.stop())

  test('has the 14 nodes of p10, Ready', async () => {
    expect(await readyNodes(lab)).toHaveLength(14)
  })

  test(
    'kubectl drain works, and the audit log shows its evictions',
    async () => {
      await drainsByKubectl(lab)
      const evictions = (await lab.auditEvents()).filter(
        ({ subresource, code }) => subresource === 'eviction' && code === 201,
      )
      expect(new Set(evictions.map(({ name }) => name)).size).toBe(3)
    },
    3 * MINUTES,
  )

  test('another process can attach by plain data', async () => {
    const data: KubeData = JSON.parse(JSON.stringify(lab.data))
    expect(await readyNodes(attachKube(data))).toHaveLength(14)
  })

  test(
    'a killed API server is started again and still knows its nodes',
    async () => {
      await lab.killApiserver()
      expect((await lab.kubectl(['get', 'nodes'])).code).not.toBe(0)
      await lab.startApiserver()
      expect((await lab.kubectl(['get', 'nodes'])).code).toBe(0)
    },
    3 * MINUTES,
  )

  test(
    'a node whose kubelet is down becomes NotReady, and Ready again',
    async () => {
      await lab.setKubelet('server24', 'down')
      await readyIs(lab, ['node', 'server24'], 'Unknown')
      await lab.setKubelet('server24', 'up')
      await readyIs(lab, ['node', 'server24'], 'True')
    },
    5 * MINUTES,
  )

  test(
    'nothing is left after stop',
    async () => {
      const pids = Object.values(await lab.pids())
      expect(pids).toHaveLength(6)
      await lab.stop()
      await allGone(pids)
      expect(existsSync(lab.data.dir)).toBe(false)
    },
    MINUTES,
  )
})

test(
  'nothing is left when the process that brought it is killed',
  async () => {
    const dir = await dirFor('kill')
    const holder = spawn(process.execPath, [join(import.meta.dirname, 'kube.ts'), dir], {
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    const line = await new Promise<string>((resolve) => holder.stdout.once('data', (text) => resolve(String(text))))
    const { pids }: { pids: Record<string, number> } = JSON.parse(line)
    expect(Object.values(pids).every(lives)).toBe(true)
    holder.kill('SIGKILL')
    await allGone(Object.values(pids))
    expect(existsSync(dir)).toBe(false)
  },
  15 * MINUTES,
)

describe.skipIf(p10Hindrance() !== undefined)('p10 itself, with two of its workers', () => {
  let lab: P10Lab
  beforeAll(async () => {
    lab = await bringP10({ dir: await dirFor('p10'), workers: ['server23', 'server24'], graceMs: 15_000 })
  }, 20 * MINUTES)
  afterAll(() => lab?.stop())

  test('its nodes are Ready', async () => {
    expect(await readyNodes(lab)).toEqual(['server23', 'server24', 'server63', 'server65', 'server83'])
  })

  test('kubectl drain works', () => drainsByKubectl(lab), 3 * MINUTES)

  test('a host runs commands on its own disk', async () => {
    expect(await lab.on('server65', ['sh', '-c', 'hostname; cat; exit 3'], 'in')).toEqual({
      code: 3,
      stdout: 'server65\nin',
      stderr: '',
    })
    expect((await lab.on('server24', ['ls', '/etc/kubernetes/manifests'])).stdout).toBe('')
  })

  test('exec into a static pod has its exit code, and its log is there', async () => {
    const pod = ['-n', 'kube-system', 'etcd-server65']
    const pki = '/etc/kubernetes/pki/etcd'
    const tls = ['--cacert', `${pki}/ca.crt`, '--cert', `${pki}/server.crt`, '--key', `${pki}/server.key`]
    const listed = await lab.kubectl([
      'exec',
      ...pod,
      '--',
      'etcdctl',
      '--endpoints',
      'https://[::1]:2379',
      ...tls,
      'member',
      'list',
    ])
    expect(listed.stdout.match(/started/g), listed.stderr).toHaveLength(3)
    expect((await lab.kubectl(['exec', ...pod, '--', 'sh', '-c', 'exit 7'])).code).toBe(7)
    const log = await lab.kubectl(['logs', ...pod, '--tail=2'])
    expect(log.stdout.trim().split('\n')).toHaveLength(2)
  }, 120_000)

  test(
    'a control plane without power is an etcd voter that is NotReady; the API goes on; power brings it back',
    async () => {
      await lab.powerOff('server63')
      await readyIs(lab, ['node', 'server63'], 'Unknown')
      await readyIs(lab, ['-n', 'kube-system', 'pod', 'etcd-server63'], 'False')
      await lab.powerOn('server63')
      await readyIs(lab, ['node', 'server63'], 'True')
      await readyIs(lab, ['-n', 'kube-system', 'pod', 'etcd-server63'], 'True')
    },
    6 * MINUTES,
  )

  test(
    'nothing is left after stop',
    async () => {
      const pids = Object.values(await lab.pids())
      await lab.stop()
      await allGone(pids)
      expect(existsSync(lab.data.dir)).toBe(false)
    },
    MINUTES,
  )
})

import { afterAll, expect } from 'vitest'
import { cordon } from '../../src/commands/cordon.ts'
import { uncordon } from '../../src/commands/uncordon.ts'
import { isRefusal } from '../../src/errors.ts'
import type { StepContext } from '../../src/steps/step.ts'
import { real } from '../lab/need.ts'
import { row } from './dr-row.ts'
import type { World } from './dr-world.ts'
import { openRaw } from './kube-raw.ts'
import { type RunOptions, runChange, targetOf } from './run-steps.ts'

const on = (w: World) => ({ cluster: 'p10', nodes: [w.a] })
const annotations = async (w: World): Promise<Record<string, string>> => {
  const all: Record<string, string> = (await w.node())['metadata'].annotations ?? {}
  return Object.fromEntries(Object.entries(all).filter(([key]) => key.startsWith('sluice.ungleich.ch/')))
}

/** The undo of the cordon step, as job `job` would do it. */
async function undoAs(w: World, job: string): Promise<string | undefined> {
  const target = await targetOf(cordon, on(w), w.cluster)
  if (isRefusal(target)) throw new Error(target.text)
  const [step] = cordon.steps(target)
  const ctx = { cluster: w.cluster, job: { id: job, person: 'nico' }, signal: new AbortController().signal }
  return (await step?.undo?.(ctx as unknown as StepContext))?.text // undo looks at nothing else of the context
}

await real(['kube'], 'cordon and uncordon', (kube) => {
  const raw = openRaw(kube.kubeconfig)
  afterAll(() => raw.close())
  const run = (w: World, change: typeof cordon, options: RunOptions = {}, args = {}) =>
    runChange(change, { ...on(w), ...args }, w.cluster, options)

  row(raw, 'cordon-1', 'a cordon says who, why, for which job and ticket; the second finds it done', async (w) => {
    const ran = await run(w, cordon, { job: '17', person: 'fran', ticket: '1234' }, { reason: 'bad disk' })
    expect(ran.done[0]?.evidence.text).toBe('cordoned')
    expect(await annotations(w)).toMatchObject({
      'sluice.ungleich.ch/cordon-job': '17',
      'sluice.ungleich.ch/cordon-person': 'fran',
      'sluice.ungleich.ch/cordon-ticket': '1234',
      'sluice.ungleich.ch/cordon-reason': 'bad disk',
    })
    expect((await run(w, cordon, { job: '18' })).done[0]?.evidence.text).toBe('already cordoned')
    expect(w.audit()).toHaveLength(1)
  })

  row(raw, 'cordon-2', 'only its own cordon is undone', async (w) => {
    await run(w, cordon, { job: '17' })
    expect(await undoAs(w, '18')).toContain('left cordoned: that was nico (job 17')
    expect((await w.node())['spec'].unschedulable).toBe(true)
    expect(await undoAs(w, '17')).toBe('uncordoned')
    expect((await w.node())['spec'].unschedulable).toBeFalsy()
    expect(await annotations(w)).toEqual({})
    await raw.patch(`/api/v1/nodes/${w.a}`, { spec: { unschedulable: true } })
    expect(await undoAs(w, '17')).toContain('left cordoned: that was somebody without Sluice')
  })

  row(raw, 'cordon-3', "somebody else's cordon is undone only after a confirmation, one's own at once", async (w) => {
    await run(w, cordon, { person: 'fran' })
    const asked = await run(w, uncordon, { person: 'nico' })
    expect(asked.gate).toMatchObject({ code: 'CORDON-FOREIGN' })
    expect(asked.gate?.details?.[0]).toContain(`${w.a}: cordoned by fran`)
    expect((await w.node())['spec'].unschedulable).toBe(true)
    const own = await run(w, uncordon, { person: 'fran' })
    expect(own.gates).toEqual([])
    expect(own.done[0]?.evidence.text).toBe('uncordoned')
    await run(w, cordon, { person: 'fran' })
    const confirmed = await run(w, uncordon, { person: 'nico', choose: () => 'uncordon' })
    expect(confirmed.done[0]?.evidence.text).toBe('uncordoned')
  })

  row(raw, 'cordon-4', 'a node that is not Ready is not uncordoned', async (w) => {
    await run(w, cordon)
    await raw.patch(`/api/v1/nodes/${w.a}`, { metadata: { labels: { 'kubelab/kubelet': null } } })
    const { body } = await raw.get(`/api/v1/nodes/${w.a}`)
    const conditions = body['status'].conditions.map((c: { type: string }) =>
      c.type === 'Ready' ? { ...c, status: 'False' } : c,
    )
    await raw.patch(`/api/v1/nodes/${w.a}/status`, { status: { conditions } })
    const ran = await run(w, uncordon)
    expect(ran.blocked.map(({ code }) => code)).toEqual(['NODE-NOT-READY'])
    expect((await w.node())['spec'].unschedulable).toBe(true)
  })

  row(
    raw,
    'cordon-5',
    'filters become names: those that are cordoned, those with a label; nothing is PLAN-EMPTY',
    async (w) => {
      const labels = [`dr=${w.ns}`]
      const none = await run(w, uncordon, {}, { nodes: undefined, selector: { cordoned: true, labels } })
      expect(none.refusal?.code).toBe('PLAN-EMPTY')
      await run(w, cordon)
      const one = await run(w, uncordon, {}, { nodes: undefined, selector: { cordoned: true, labels } })
      expect(one.target?.sentence).toBe(`uncordon ${w.a} on p10`)
      const all = await run(w, cordon, {}, { nodes: undefined, selector: { labels } })
      expect(all.done.map(({ id }) => id)).toEqual([`cordon ${w.a}`, `cordon ${w.b}`])
      expect((await run(w, cordon, {}, { nodes: undefined, selector: { all: true } })).refusal?.code).toBe('PARSE-ALL')
    },
  )

  row(raw, 'cordon-6', 'a node made again under its name is not touched', async (w) => {
    const target = await targetOf(cordon, on(w), w.cluster)
    if (isRefusal(target)) throw new Error(target.text)
    const { status: _status, ...node } = await w.node()
    await raw.remove(`/api/v1/nodes/${w.a}`)
    await raw.create('/api/v1/nodes', { ...node, metadata: { name: w.a, labels: { dr: w.ns } } })
    const other = { ...cordon, resolve: async () => target }
    const ran = await runChange(other, on(w), w.cluster)
    expect(ran.blocked.map(({ reason }) => reason)).toEqual(['another node has this name now'])
    await expect(
      w.cluster.patchNode(w.a, { uid: target.nodes[0]?.uid ?? '', unschedulable: true }),
    ).rejects.toMatchObject({ code: 'K8S-CONFLICT' })
  })
})

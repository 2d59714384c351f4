import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeLog } from '../../src/log.ts'
import { openStore } from '../../src/store/open.ts'
import { bringKube } from '../lab/kube.ts'
import type { KubeLab } from '../lab/kube/lab.ts'
import { DRAIN_CASES, type DrainCase, prepare, timeKubectl, watchPods } from './drain-cases.ts'
import { timeBareQueue } from './queue.ts'
import { type WarmBot, warmBot } from './sluice.ts'
import { median, type Row, spread } from './table.ts'

type Options = {
  readonly runs: number
  readonly say: (text: string) => void
  /** The name of one drain case. */
  readonly only?: string
}

async function drainRow(lab: KubeLab, bot: WarmBot, drainCase: DrainCase, { runs, say }: Options): Promise<Row> {
  const ours: number[] = []
  const peer: number[] = []
  for (let run = 0; run < runs; run++) {
    const forKubectl = await prepare(lab, drainCase)
    peer.push(await timeKubectl(lab, forKubectl))
    await forKubectl.tearDown()
    const forSluice = await prepare(lab, drainCase)
    const over = new AbortController()
    const { lastGone } = await watchPods(lab, forSluice, over.signal)
    const { startMs } = await bot.runUntil('drain server23 on p10 aggressively', 'done')
    const ms = (await lastGone) - startMs
    over.abort()
    ours.push(ms)
    await forSluice.tearDown()
    say(
      `bench: ${drainCase.name} run ${run + 1}: Sluice ${ms.toFixed(0)} ms, kubectl ${(peer.at(-1) ?? 0).toFixed(0)} ms`,
    )
  }
  return {
    what: `drain ${drainCase.name}`,
    ours: median(ours),
    peer: median(peer),
    unit: 'ms',
    bound: { kind: 'ratio', limit: drainCase.ratio },
    spread: spread(ours),
  }
}

async function planRow(lab: KubeLab, bot: WarmBot, { runs }: Options): Promise<Row> {
  const hundred = DRAIN_CASES.find((c) => c.name === '100 pods')
  if (hundred === undefined) throw new Error('there is no case of 100 pods')
  const ready = await prepare(lab, hundred)
  const ours: number[] = []
  const peer: number[] = []
  await bot.askUntil('plan drain server23 on p10', '100 pods to evict')
  for (let run = 0; run < runs; run++) {
    peer.push(await timeKubectl(lab, ready, { dryRun: true }))
    ours.push(await bot.askUntil('plan drain server23 on p10', '100 pods to evict'))
  }
  await ready.tearDown()
  return {
    what: 'plan drain, 100 pods / kubectl --dry-run=server',
    ours: median(ours),
    peer: median(peer),
    unit: 'ms',
    bound: { kind: 'ratio', limit: 0.5 },
    spread: spread(ours),
  }
}

/** Allowed at once, so "queued" is the moment of approval; taken = the worker's first write of the job. */
async function takenRows(bot: WarmBot, { runs }: Options): Promise<readonly Row[]> {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-queue-'))
  const store = await openStore({ dir, log: makeLog('error'), signal: AbortSignal.timeout(60_000) })
  const taken: number[] = []
  const planned: number[] = []
  for (let run = 0; run < Math.max(runs, 10); run++) {
    const word = run % 2 === 0 ? 'cordon' : 'uncordon'
    const { job } = await bot.runUntil(`${word} server24 on p10`, 'done')
    const at = (state: string): number => bot.times.get(`${job} ${state}`) ?? Number.NaN
    taken.push(at('running') - at('queued'))
    const first = bot.firstIntents.find((t) => t >= at('running'))
    if (first !== undefined) planned.push(first - at('running'))
  }
  const bare = await timeBareQueue(store, 50)
  await store.close()
  rmSync(dir, { recursive: true, force: true })
  return [
    {
      what: 'approved to taken / bare BullMQ add to start',
      ours: median(taken),
      peer: median(bare),
      unit: 'ms',
      bound: { kind: 'above', limit: 5 },
      spread: spread(taken),
    },
    {
      what: '  then the second planning (reported)',
      ours: median(planned),
      peer: Number.NaN,
      unit: 'ms',
      bound: undefined,
      spread: spread(planned),
    },
  ]
}

/** Rows on a real API server. A case that is named runs alone. */
export async function clusterRows(options: Options): Promise<readonly Row[]> {
  const { say, only } = options
  say("bench: bringing the lab's Kubernetes")
  const dir = mkdtempSync(join(tmpdir(), 'sl-b-'))
  const lab = await bringKube({ dir, log: say })
  try {
    const uid = (await lab.kubectl(['get', 'namespace', 'kube-system', '-o', 'jsonpath={.metadata.uid}'])).stdout
    const bot = await warmBot({ kubeconfig: lab.kubeconfig, uid })
    try {
      const rows: Row[] =
        only === undefined ? [...(await takenRows(bot, options)), await planRow(lab, bot, options)] : []
      for (const drainCase of DRAIN_CASES.filter((c) => only === undefined || c.name === only))
        rows.push(await drainRow(lab, bot, drainCase, options))
      return rows
    } finally {
      await bot.close()
    }
  } finally {
    await lab.stop()
  }
}

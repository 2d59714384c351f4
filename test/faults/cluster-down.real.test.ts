import { afterEach, expect, test } from 'vitest'
import { silentLog } from '../../src/log.ts'
import { openStore } from '../../src/store/open.ts'
import { asked, change, engineOn, toyStep } from '../jobs/toy.ts'
import { lab, real } from '../lab/need.ts'
import { until } from '../lab/process.ts'
import { startCluster } from '../lab/redis-set.ts'
import { lookAt, watched } from './look.ts'

const ends: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

await real(['redis'], 'a Cluster that is down', () => {
  test('longer than workers wait for work: when it is back they take jobs again, and stop when they shall', async () => {
    const set = await startCluster(lab())
    ends.push(() => set.stop())
    const opened = await openStore({ topology: { kind: 'cluster', nodes: set.nodes }, dir: '.', log: silentLog })
    const { store, clients } = watched(opened)
    ends.push(() => store.close())
    const engine = engineOn({ store, change: change([toyStep('a')]) })
    await engine.start()
    const job = async (): Promise<string> => {
      const id = await until('a job is taken', 30_000, () => engine.jobs.submit(asked()).catch(() => undefined))
      const look = lookAt([{ name: 'bot', engine, clients, refused: new Set() }], set.servers)
      await until(`job ${id} is done`, 30_000, async () =>
        (await engine.jobs.get(id).catch(() => undefined))?.state === 'done' ? true : undefined,
      ).catch(async (error: unknown) => expect.fail(`${String(error)}: ${await look(id)}`))
      return id
    }
    expect(await job()).toBe('1')
    const master = await set.masterNow()
    const redis = master.ask()
    const replica = Number(/slave0:.*?port=(\d+)/.exec(await redis.info('replication'))?.[1])
    redis.disconnect()
    const lost = set.servers.filter((one) => one === master || one.announced.port === replica)
    expect(lost).toHaveLength(2)
    for (const one of lost) await one.kill9()
    // BullMQ gives a wait for work up after six seconds, and connects anew
    const lines = clients.filter(({ name }) => name.includes('/'))
    const tried = new Set<string>()
    expect(lines.length).toBeGreaterThanOrEqual(5)
    await until('every worker has connected anew', 30_000, () => {
      for (const { name, client } of lines) if (client.status === 'reconnecting') tried.add(name)
      return tried.size === lines.length ? true : undefined
    })
    for (const one of lost) await one.start()
    expect(await job()).toBe('2')
    await engine.stop()
  })
})

import { makeWorld } from './dr-world.ts'
import { openRaw } from './kube-raw.ts'
const raw = openRaw('/tmp/gk/conf/admin.conf')
const w = await makeWorld(raw, 'smok2')
await w.deployment('web', 3)
await w.pdb('web', { maxUnavailable: 1, selector: { matchLabels: { app: 'web' } } })
const t0 = performance.now()
const ran = await w.drain()
console.log('ms', performance.now() - t0)
console.log(JSON.stringify({ ...ran, journals: undefined, progress: ran.progress.length }, null, 1))
console.log(JSON.stringify([...ran.journals].map(([k, v]) => [k, [...v]])))
console.log(w.seen.map((s) => s.method + ' ' + s.path).join('\n'))
await w.close()
process.exit(0)

import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { KubeData } from './kube/lab.ts'
import { stopRun } from './process.ts'
import { type Brought, type Lab, NotHere } from './server.ts'

type Shape = 'kube' | 'p10'
type Left = { readonly shape: Shape; readonly data: KubeData }

/** Written before anything starts, so that a half-brought cluster is stopped too. */
function leave(lab: Lab, shape: Shape, dir: string): void {
  const left: Left = { shape, data: { dir, bin: '', kubeconfig: '', server: '', versions: {} } }
  writeFileSync(join(lab.dir, `${shape}.left.json`), JSON.stringify(left))
}

const described = (versions: KubeData['versions']): string =>
  Object.entries(versions)
    .map(([name, v]) => `${name} ${v}`)
    .join(', ')

/** The quick shape, with its audit log on. */
export async function bringQuick(lab: Lab): Promise<Brought<KubeData>> {
  const { bringKube } = await import('./kube.ts')
  const dir = join(lab.dir, 'k')
  leave(lab, 'kube', dir)
  const { data, stop } = await bringKube({ dir, auditLog: true })
  return { data, version: described(data.versions), stop }
}

/** p10 itself, by real kubeadm.
 * @throws NotHere without root */
export async function bringReal(lab: Lab): Promise<Brought<KubeData>> {
  if (process.getuid?.() !== 0) throw new NotHere('hosts with their own network need root')
  const { bringP10 } = await import('./p10.ts')
  const dir = join(lab.dir, 'p')
  leave(lab, 'p10', dir)
  const { data, stop } = await bringP10({ dir })
  return { data, version: described(data.versions), stop }
}

async function stopLeft({ shape, data }: Left): Promise<void> {
  if (!existsSync(data.dir)) return
  if (shape === 'kube') await (await import('./kube.ts')).attachKube(data).stop()
  else await (await import('./p10.ts')).attachP10(data).stop()
}

/** Ends all that a run has started and removes its folder; for the end of a run, the watchdog, and the next run. */
export async function endRun(dir: string): Promise<void> {
  const files = readdirSync(dir).filter((name) => name.endsWith('.left.json'))
  const left = files.map((name) => JSON.parse(readFileSync(join(dir, name), 'utf8')) as Left) // written by leave()
  await Promise.allSettled(left.map((one) => stopLeft(one)))
  await stopRun(dir)
}

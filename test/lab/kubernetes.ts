import { spawnSync } from 'node:child_process'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import type { KubeData } from './kube/lab.ts'
import { bringKube } from './kube.ts'
import { bringP10, p10Hindrance } from './p10.ts'
import { type Brought, type Lab, NotHere } from './server.ts'

const log = (line: string): void => void process.stderr.write(`lab: ${line}\n`)

const described = (versions: KubeData['versions']): string =>
  Object.entries(versions)
    .map(([name, version]) => `${name} ${version}`)
    .join(', ')

/** The quick shape. It dies with this process by itself, so nothing is written down here. */
export async function bringQuick(lab: Lab): Promise<Brought<KubeData>> {
  const { data, stop } = await bringKube({ dir: join(lab.dir, 'k'), log })
  return { data, version: described(data.versions), stop }
}

/** In a chroot nsenter comes out at the machine's own root, and kubeadm would write there. */
function inChroot(): boolean {
  const { stdout } = spawnSync('nsenter', ['--mount=/proc/self/ns/mnt', 'stat', '-c', '%d:%i', '/'], {
    encoding: 'utf8',
  })
  const { dev, ino } = statSync('/')
  return stdout.trim() !== `${dev}:${ino}`
}

/** p10 itself, by real kubeadm.
 * @throws NotHere where hosts of namespaces cannot be made */
export async function bringReal(lab: Lab): Promise<Brought<KubeData>> {
  const hindrance = p10Hindrance()
  if (hindrance !== undefined) throw new NotHere(hindrance)
  if (inChroot()) throw new NotHere('p10 cannot be brought inside a chroot')
  const { data, stop } = await bringP10({ dir: join(lab.dir, 'p'), log })
  return { data, version: described(data.versions), stop }
}

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

/** p10 itself, by real kubeadm.
 * @throws NotHere where hosts of namespaces cannot be made */
export async function bringReal(lab: Lab): Promise<Brought<KubeData>> {
  const hindrance = p10Hindrance()
  if (hindrance !== undefined) throw new NotHere(hindrance)
  const { data, stop } = await bringP10({ dir: join(lab.dir, 'p'), log })
  return { data, version: described(data.versions), stop }
}

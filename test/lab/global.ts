import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { Broker, isServer, listen } from './broker.ts'
import { stopRun } from './process.ts'
import { openLab } from './run.ts'

declare module 'vitest' {
  interface ProvidedContext {
    lab: { readonly dir: string; readonly socket: string }
  }
}

/** Once per run of vitest: makes the run's folder and the broker; servers come at their first need. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const lab = await openLab('vitest')
  const broker = new Broker(lab)
  const socket = join(lab.dir, 'broker')
  const server = await listen(broker, socket)
  project.provide('lab', { dir: lab.dir, socket })
  process.env.SLUICE_LAB = lab.dir
  // A run of everything needs the slow ones anyway: they come up while the first files run.
  for (const name of (process.env.SLUICE_LAB_EARLY ?? '').split(' '))
    if (isServer(name)) broker.need(name).catch(() => {})
  return async () => {
    server.close()
    server.closeAllConnections()
    await broker.stop()
    await stopRun(lab.dir)
  }
}

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { Broker, isServer } from './broker.ts'
import { stopRun } from './process.ts'
import { openLab } from './run.ts'

// with.ts SERVER... -- COMMAND ...: brings the servers, runs the command, stops them. `{p10.kubeconfig}` in an argument becomes
// that field of the server's data.
const args = process.argv.slice(2)
const split = args.indexOf('--')
const names = args.slice(0, split).filter((name) => isServer(name))
const lab = await openLab('with')
const broker = new Broker(lab)
try {
  const data = new Map<string, unknown>()
  for (const name of names) {
    process.stderr.write(`lab: bringing ${name}\n`)
    data.set(name, (await broker.need(name)).data)
  }
  const field = (name: string, key: string): string => {
    const of = data.get(name)
    return typeof of === 'object' && of !== null ? String(Object.entries(of).find(([k]) => k === key)?.[1]) : ''
  }
  const [program = '', ...rest] = args
    .slice(split + 1)
    .map((word) => word.replace(/\{([a-z0-9-]+)\.(\w+)\}/g, (_, name: string, key: string) => field(name, key)))
  const child = spawn(program, rest, { stdio: 'inherit' })
  if (child.pid !== undefined) lab.own(child.pid, program)
  // Ctrl-C reaches the command too; this process waits for it, to stop the servers.
  process.on('SIGINT', () => {})
  const [code] = (await once(child, 'exit')) as [number | null] // as child_process says
  process.exitCode = code ?? 1
} finally {
  await broker.stop()
  await stopRun(lab.dir)
}

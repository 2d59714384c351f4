import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { born, until } from './process.ts'

test('kill -9 of a run ends its servers and removes its folder', async () => {
  const print = 'console.log(process.argv[1]); setInterval(() => {}, 1000)'
  const command = ['redis', '--', process.execPath, '-e', print, '{redis.socket}']
  const run = spawn(process.execPath, [join(import.meta.dirname, 'with.ts'), ...command], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const [said] = (await once(run.stdout, 'data')) as [Buffer] // a stream without encoding
  const dir = dirname(dirname(said.toString().trim()))
  const pids = readdirSync(dir).flatMap((name) => (name.endsWith('.pid.json') ? [Number.parseInt(name, 10)] : []))
  expect(pids.filter((pid) => born(pid) !== undefined)).toHaveLength(2)
  run.kill('SIGKILL')
  await until('the folder is gone', 10_000, () => (existsSync(dir) ? undefined : true))
  expect(pids.filter((pid) => born(pid) !== undefined)).toEqual([])
})

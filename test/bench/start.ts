import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..', '..')

/** Milliseconds of `node -e 0`, spawn to exit. */
export function timeNode(): Promise<number> {
  const start = performance.now()
  return new Promise((resolve, reject) => {
    spawn(process.execPath, ['-e', '0'], { stdio: 'ignore' })
      .on('error', reject)
      .on('exit', () => resolve(performance.now() - start))
  })
}

/** Milliseconds from the spawn of `sluice console` until it has accepted its first line: its store is up, it is ready. */
export async function timeConsole(): Promise<number> {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-start-'))
  const start = performance.now()
  const child = spawn(join(root, 'bin', 'sluice'), ['console', '--json', '--data', dir], {
    cwd: root,
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  child.stdin.write('{"as":"nico","text":"help"}\n')
  const ready = await new Promise<number>((resolve, reject) => {
    let text = ''
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString()
      if (text.includes('"accepted"')) resolve(performance.now() - start)
    })
    child.on('error', reject)
    child.on('exit', () => reject(new Error(`the console ended before it was ready: ${text}`)))
  })
  child.removeAllListeners('exit')
  child.stdin.end()
  await new Promise((done) => child.once('close', done))
  rmSync(dir, { recursive: true, force: true })
  return ready
}

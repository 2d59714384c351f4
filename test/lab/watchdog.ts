import { existsSync } from 'node:fs'
import { stopRun } from './process.ts'

// Started by global.ts with a pipe as stdin: its end is the end of the run, also when that was a kill -9.
const dir = process.argv[2] ?? ''
process.stdin.resume()
process.stdin.on('end', () => {
  if (existsSync(dir)) void stopRun(dir)
})

import { readFileSync } from 'node:fs'
import { createConnection } from 'node:net'

/** Resident memory in MB: `rss` with everything shared, `pss` with the shared part divided by those who share it. Linux only. */
export type Memory = { readonly rss: number; readonly pss: number }

/** Throws Error where /proc does not tell. */
export function memoryOf(pid: number): Memory {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
  const mb = (field: string): number => Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(text)?.[1]) / 1024
  return { rss: mb('Rss'), pss: mb('Pss') }
}

/** The pid of the Redis that listens on a socket. */
export function redisPid(socket: string): Promise<number> {
  return new Promise((resolve, reject) => {
    let said = ''
    const connection = createConnection(socket, () => connection.write('INFO server\r\n'))
    connection.on('error', reject)
    connection.on('data', (chunk: Buffer) => {
      said += chunk.toString()
      const pid = /process_id:(\d+)/.exec(said)?.[1]
      if (pid === undefined) return
      connection.destroy()
      resolve(Number(pid))
    })
  })
}

import { makeLog } from '../log.ts'
import { startPractice } from '../practice/main.ts'

/** `sluice practice`: the world in the foreground, until it is told to stop or nobody asked for ten minutes. */
export async function runPractice(options: { readonly data: string }, signal: AbortSignal): Promise<number> {
  const world = await startPractice({ dir: options.data, log: makeLog('info') })
  signal.addEventListener('abort', () => void world.stop(), { once: true })
  await world.ended
  return 0
}

import { join } from 'node:path'
import { buildBundle } from '../../scripts/bundle.ts'
import { type Bot, startBot } from '../e2e/bot-process.ts'
import { until } from '../lab/process.ts'
import type { Lab } from '../lab/server.ts'
import type { Say } from './chat.ts'
import { type Memory, memoryOf, redisPid } from './memory.ts'
import { type SluiceStage, sluiceFiles, sluiceSecrets } from './sluice-files.ts'
import { absentRow, median, type Row, spread } from './table.ts'

const SOURCE_LIMIT_MB = 190
const BUNDLE_LIMIT_MB = 150
/** Long enough for what the start left behind to be collected, and for one look at the clusters. */
const IDLE_MS = 20_000

type Sample = { readonly bot: Memory; readonly redis: Memory }

/** A fresh bot on both platforms: answers once on each, then is left alone. */
async function idle(stage: SluiceStage, program: string | undefined): Promise<Sample> {
  const bot: Bot = await startBot(sluiceFiles(stage), sluiceSecrets(stage), program)
  try {
    await until('Slack', 10_000, () => (stage.slack.lab.connected() > 0 ? true : undefined))
    await stage.matrix.ask(stage.matrix.nico, stage.account.room)
    await stage.slack.ask(stage.channels[0] ?? '')
    await new Promise((done) => setTimeout(done, IDLE_MS))
    const redis = await redisPid(join(bot.data, 'redis.sock'))
    return { bot: memoryOf(bot.pid), redis: memoryOf(redis) }
  } finally {
    await bot.stop()
  }
}

/** Idle memory with both platforms on, from the source and from the bundle, in turn. */
export async function memoryRows(lab: Lab, stage: SluiceStage, runs: number, say: Say): Promise<readonly Row[]> {
  if (process.platform !== 'linux') return [absentRow('idle memory', 'only Linux tells it')]
  const bundle = join(lab.dir, 'bundle')
  await buildBundle(bundle)
  // the very first start of a new source strips its types and compiles it, with some 25 MB more; from then on it lies in a cache
  await (await startBot(sluiceFiles(stage), sluiceSecrets(stage))).stop()
  const [source, bundled]: [Sample[], Sample[]] = [[], []]
  for (let run = 0; run < runs; run++) {
    source.push(await idle(stage, undefined))
    bundled.push(await idle(stage, join(bundle, 'bin', 'sluice')))
    say(`bench: idle ${source.at(-1)?.bot.rss.toFixed(0)} MB, from the bundle ${bundled.at(-1)?.bot.rss.toFixed(0)} MB`)
  }
  const row = (what: string, of: readonly number[], limit?: number): Row => ({
    what,
    ours: median(of),
    peer: Number.NaN,
    unit: 'MB',
    bound: limit === undefined ? undefined : { kind: 'most', limit },
    spread: spread(of),
  })
  const rss = (of: readonly Sample[]): readonly number[] => of.map((one) => one.bot.rss)
  const pss = (of: readonly Sample[]): readonly number[] => of.map((one) => one.bot.pss)
  return [
    row('idle RSS, Slack and Matrix on, from source', rss(source), SOURCE_LIMIT_MB),
    row('  its PSS (reported)', pss(source)),
    row('idle RSS, from the bundle', rss(bundled), BUNDLE_LIMIT_MB),
    row('  its PSS (reported)', pss(bundled)),
    row(
      '  the embedded Redis beside it, RSS (reported)',
      [...source, ...bundled].map((one) => one.redis.rss),
    ),
  ]
}

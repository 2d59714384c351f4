import type { Contender, Say } from './chat.ts'
import type { MatrixStage } from './matrix-stage.ts'
import type { SlackStage } from './slack-stage.ts'
import { median, notBehind, percentile, type Row, spread } from './table.ts'

export type Options = { readonly runs: number; readonly samples: number; readonly say: Say }

const REPLY_LIMIT = 1.15
const CROWD_LIMIT = 1.3
const SLACK_LIMIT = 6
const RECONNECT_LIMIT_MS = 1_000
const WARM_UP = 5
/** A bot may still be starting: it is asked again until it answers. */
const WARM_UP_TRIES = 40
const WARM_UP_LIMIT_MS = 1_500

/** So that nobody is always the first. */
const rotated = <T>(all: readonly T[], by: number): readonly T[] => all.map((_, i) => all[(i + by) % all.length] as T) // in range

async function warm({ nico, ask }: MatrixStage, { name, room }: Contender): Promise<void> {
  for (let tries = 0, answers = 0; answers < WARM_UP; tries++) {
    if (tries === WARM_UP_TRIES) throw new Error(`${name} does not answer`)
    const answered = await ask(nico, room, WARM_UP_LIMIT_MS).then(
      () => true,
      () => false,
    )
    if (answered) answers++
  }
}

/** Sluice against the bare bot and peers: one at a time, in turn, then the whole crowd at once. */
export async function matrixRows(
  stage: MatrixStage,
  ours: Contender,
  echo: Contender,
  peers: readonly Contender[],
  { runs, samples, say }: Options,
): Promise<Row[]> {
  const all = [ours, echo, ...peers]
  for (const one of all) await warm(stage, one)
  const times = new Map<Contender, number[]>(all.map((one) => [one, []]))
  for (let round = 0; round < runs * samples; round++)
    for (const one of rotated(all, round)) times.get(one)?.push(await stage.ask(stage.nico, one.room))
  const of = (one: Contender): readonly number[] => times.get(one) ?? []
  for (const one of all)
    say(`bench: ${one.name}: ${median(of(one)).toFixed(1)} ms, p95 ${percentile(of(one), 0.95).toFixed(1)}`)
  const row = (what: string, peer: Contender, bound: Row['bound']): Row => ({
    what,
    ours: median(of(ours)),
    peer: median(of(peer)),
    unit: 'ms',
    bound,
    spread: spread(of(ours)),
  })
  return [
    row('Matrix event to first reply / bare matrix-bot-sdk', echo, { kind: 'ratio', limit: REPLY_LIMIT }),
    ...peers.map((peer) => row(`  beside ${peer.name}`, peer, notBehind(of(ours), of(peer)))),
    await crowdRow(stage, ours, echo, runs, say),
  ]
}

/** Everybody sends at the same moment, into one room. */
async function crowdRow(stage: MatrixStage, ours: Contender, echo: Contender, runs: number, say: Say): Promise<Row> {
  const p95 = async ({ name, crowdRoom = '' }: Contender): Promise<number> => {
    const ms = percentile(await Promise.all(stage.crowd.map((person) => stage.ask(person, crowdRoom))), 0.95)
    say(`bench: ${stage.crowd.length} people at once, ${name}: p95 ${ms.toFixed(0)} ms`)
    return ms
  }
  const [mine, bare]: [number[], number[]] = [[], []]
  for (const { crowdRoom = '' } of [ours, echo]) await stage.gather(crowdRoom)
  await p95(ours)
  await p95(echo)
  for (let run = 0; run < runs; run++)
    for (const one of rotated([ours, echo], run)) (one === ours ? mine : bare).push(await p95(one))
  return {
    what: `  p95 of ${stage.crowd.length} people at once in a room / bare`,
    ours: median(mine),
    peer: median(bare),
    unit: 'ms',
    bound: { kind: 'ratio', limit: CROWD_LIMIT },
    spread: spread(mine),
  }
}

type OurSlack = { readonly stage: SlackStage; readonly channels: readonly string[] }
type BoltSlack = { readonly stage: SlackStage; readonly channel: string }

/** Sluice against a bare Bolt bot: a mention to its answer, and a cut socket to the next one. */
export async function slackRows(
  ours: OurSlack,
  bolt: BoltSlack,
  { runs, samples, say }: Options,
): Promise<readonly Row[]> {
  const [mine, bare]: [number[], number[]] = [[], []]
  const [first = '', ...channels] = ours.channels
  for (let i = 0; i < WARM_UP; i++) await bolt.stage.ask(bolt.channel)
  await ours.stage.ask(first)
  for (const channel of channels.slice(0, runs * samples)) {
    bare.push(await bolt.stage.ask(bolt.channel))
    mine.push(await ours.stage.ask(channel))
  }
  say(`bench: Slack: Sluice ${median(mine).toFixed(1)} ms, Bolt ${median(bare).toFixed(1)} ms`)
  const [drops, boltDrops]: [number[], number[]] = [[], []]
  for (let run = 0; run < runs; run++) {
    boltDrops.push(await bolt.stage.drop())
    drops.push(await ours.stage.drop())
  }
  return [
    {
      what: 'Slack event to first reply / bare Bolt',
      ours: median(mine),
      peer: median(bare),
      unit: 'ms',
      bound: { kind: 'ratio', limit: SLACK_LIMIT },
      spread: spread(mine),
    },
    {
      what: 'Slack drop to reconnected',
      ours: median(drops),
      peer: median(boltDrops),
      unit: 'ms',
      bound: { kind: 'most', limit: RECONNECT_LIMIT_MS },
      spread: spread(drops),
    },
  ]
}

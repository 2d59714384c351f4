import { mkdtempSync } from 'node:fs'
import { loadavg } from 'node:os'
import { join } from 'node:path'
import { joinPractice } from '../../src/cli/practice-world.ts'
import { startBot } from '../e2e/bot-process.ts'
import { stopRun } from '../lab/process.ts'
import { openLab } from '../lab/run.ts'
import { type Lab, NotHere } from '../lab/server.ts'
import { type Account, type Running, startBolt, startEcho, startMaubot, startOpsdroid, VERSIONS } from './bots.ts'
import { matrixRows, slackRows } from './chat-rows.ts'
import { type MatrixStage, matrixStage } from './matrix-stage.ts'
import { memoryRows } from './memory-rows.ts'
import { type SluiceStage, sluiceFiles, sluiceSecrets } from './sluice-files.ts'
import { slackStage } from './slack-stage.ts'
import { absentRow, type Row } from './table.ts'

export type Say = (text: string) => void
/** One who answers in a room of its own. */
export type Contender = { readonly name: string; readonly room: string; readonly crowdRoom?: string }

/** Each can be measured alone. */
export const CHAT_PARTS = ['matrix', 'slack', 'memory'] as const
export type ChatPart = (typeof CHAT_PARTS)[number]

const PEOPLE = 100
const SAMPLES_A_RUN = 20
const SLACK_SAMPLES_A_RUN = 12

type Open = { readonly lab: Lab; readonly stage: SluiceStage; readonly runs: number; readonly say: Say }

/** Sluice beside bare bots and peers, on one Synapse and on the fake of Slack's wire. Where Synapse cannot be had, the row says so. */
export async function chatRows(runs: number, say: Say, parts: readonly ChatPart[]): Promise<readonly Row[]> {
  const lab = await openLab('bench')
  try {
    return await onStage(lab, runs, say, parts)
  } catch (error) {
    if (!(error instanceof NotHere)) throw error
    return [absentRow('chat', error.message)]
  } finally {
    await stopRun(lab.dir)
    const load = loadavg().map((n) => n.toFixed(1))
    say(`bench: load average ${load.join(' ')}`)
  }
}

async function onStage(lab: Lab, runs: number, say: Say, parts: readonly ChatPart[]): Promise<readonly Row[]> {
  const people = parts.includes('matrix') ? PEOPLE : 1
  say(`bench: Synapse, a practice cluster and ${people} people`)
  const matrix = await matrixStage(lab, people)
  const dir = mkdtempSync(join(lab.dir, 'w'))
  const practice = await joinPractice(dir, { now: () => Date.now() }, AbortSignal.timeout(60_000))
  const slack = await slackStage()
  try {
    const account = await matrix.account('sluice')
    const channels = Array.from({ length: runs * SLACK_SAMPLES_A_RUN + 1 }, (_, i) => slack.lab.channel(`c${i}`))
    const crowdRoom = await matrix.crowdRoom(account)
    const stage = { matrix, account, crowdRoom, slack, channels, kubeconfig: join(dir, 'practice-p10.conf') }
    await matrix.listen()
    const open = { lab, stage, runs, say }
    const rows: Row[] = []
    for (const part of parts) rows.push(...(await PARTS[part](open)))
    return rows
  } finally {
    await Promise.all([slack.lab.stop(), practice.leave(), matrix.stop()])
  }
}

const PARTS: Readonly<Record<ChatPart, (open: Open) => Promise<readonly Row[]>>> = {
  matrix: (open) => beside(open, onMatrix),
  slack: (open) => beside(open, onSlack),
  memory: ({ lab, stage, runs, say }) => memoryRows(lab, stage, runs, say),
}

/** Runs a part with Sluice up, and stops whatever it started. */
async function beside(
  open: Open,
  part: (open: Open, running: Running[]) => Promise<readonly Row[]>,
): Promise<readonly Row[]> {
  const sluice = await startBot(sluiceFiles(open.stage), sluiceSecrets(open.stage))
  const running: Running[] = []
  try {
    return await part(open, running)
  } catch (error) {
    for (const bot of [sluice, ...running]) open.say(`bench: a bot's last words: ${bot.log().slice(-1_000)}`)
    throw error
  } finally {
    await Promise.all([sluice, ...running].map((bot) => bot.stop()))
  }
}

async function onMatrix({ lab, stage, runs, say }: Open, running: Running[]): Promise<readonly Row[]> {
  const { matrix, account, crowdRoom } = stage
  const ours: Contender = { name: 'Sluice', room: account.room, crowdRoom }
  const { echo, peers, absent } = await contenders(lab, matrix, running)
  await matrix.listen()
  const rows = await matrixRows(matrix, ours, echo, peers, { runs, samples: SAMPLES_A_RUN, say })
  return [...rows, ...absent]
}

async function onSlack({ lab, stage, runs, say }: Open, running: Running[]): Promise<readonly Row[]> {
  const bolt = await slackStage()
  try {
    running.push(await startBolt(lab, bolt.lab))
    const channel = bolt.lab.channel('echo')
    const ours = { stage: stage.slack, channels: stage.channels }
    return await slackRows(ours, { stage: bolt, channel }, { runs, samples: SLACK_SAMPLES_A_RUN, say })
  } finally {
    await bolt.lab.stop()
  }
}

type Contenders = { readonly echo: Contender; readonly peers: readonly Contender[]; readonly absent: readonly Row[] }

/** The bare echo bot, and the peers that are installed. */
async function contenders(lab: Lab, matrix: MatrixStage, running: Running[]): Promise<Contenders> {
  const echo = await matrix.account('echo')
  running.push(await startEcho(lab, echo))
  const peers: Contender[] = []
  const absent: Row[] = []
  const starts = { maubot: startMaubot, opsdroid: startOpsdroid } as const
  for (const [name, start] of Object.entries(starts) as [keyof typeof starts, typeof startMaubot][]) {
    const account: Account = await matrix.account(name)
    try {
      running.push(await start(lab, account))
      peers.push({ name: `${name} ${VERSIONS[name]}`, room: account.room })
    } catch (error) {
      if (!(error instanceof NotHere)) throw error
      absent.push(absentRow(`  beside ${name}`, error.message))
    }
  }
  return { echo: { name: 'echo', room: echo.room, crowdRoom: await matrix.crowdRoom(echo) }, peers, absent }
}

import { mkdtempSync } from 'node:fs'
import { loadavg } from 'node:os'
import { join } from 'node:path'
import { joinPractice } from '../../src/cli/practice-world.ts'
import { type Bot, startBot } from '../e2e/bot-process.ts'
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

const PEOPLE = 100
const SAMPLES_A_RUN = 20
const SLACK_SAMPLES_A_RUN = 12

/** Sluice beside bare bots and peers, on one Synapse and on the fake of Slack's wire. Where Synapse cannot be had, the row says so. */
export async function chatRows(runs: number, say: Say): Promise<readonly Row[]> {
  const lab = await openLab('bench')
  try {
    return await onStage(lab, runs, say)
  } catch (error) {
    if (!(error instanceof NotHere)) throw error
    return [absentRow('chat', error.message)]
  } finally {
    await stopRun(lab.dir)
  }
}

async function onStage(lab: Lab, runs: number, say: Say): Promise<readonly Row[]> {
  say(`bench: Synapse, a practice cluster and ${PEOPLE} people`)
  const matrix = await matrixStage(lab, PEOPLE)
  const dir = mkdtempSync(join(lab.dir, 'w'))
  const practice = await joinPractice(dir, { now: () => Date.now() }, AbortSignal.timeout(60_000))
  const [slack, boltSlack] = [await slackStage(), await slackStage()]
  const running: Running[] = []
  let sluice: Bot | undefined
  try {
    const account = await matrix.account('sluice')
    const channels = Array.from({ length: runs * SLACK_SAMPLES_A_RUN + 1 }, (_, i) => slack.lab.channel(`c${i}`))
    const crowdRoom = await matrix.crowdRoom(account)
    const kubeconfig = join(dir, 'practice-p10.conf')
    const stage: SluiceStage = { matrix, account, crowdRoom, slack, channels, kubeconfig }
    sluice = await startBot(sluiceFiles(stage), sluiceSecrets(stage))
    const ours: Contender = { name: 'Sluice', room: account.room, crowdRoom }
    const { echo, peers, absent } = await contenders(lab, matrix, running)
    running.push(await startBolt(lab, boltSlack.lab))
    await matrix.listen()
    const options = { runs, samples: SAMPLES_A_RUN, say }
    const rows = [...(await matrixRows(matrix, ours, echo, peers, options)), ...absent]
    const bolt = { stage: boltSlack, channel: boltSlack.lab.channel('echo') }
    rows.push(...(await slackRows({ stage: slack, channels }, bolt, { ...options, samples: SLACK_SAMPLES_A_RUN })))
    await sluice.stop()
    sluice = undefined
    return [...rows, ...(await memoryRows(lab, stage, runs, say))]
  } catch (error) {
    for (const bot of running) say(`bench: a bot's last words: ${bot.log().slice(-1_000)}`)
    throw error
  } finally {
    await sluice?.stop()
    await Promise.all(running.map((bot) => bot.stop()))
    await Promise.all([slack.lab.stop(), boltSlack.lab.stop(), practice.leave()])
    await matrix.stop()
    say(
      `bench: load average ${loadavg()
        .map((n) => n.toFixed(1))
        .join(' ')}`,
    )
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

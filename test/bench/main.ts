import { CHAT_PARTS, chatRows } from './chat.ts'
import { clusterRows } from './cluster-rows.ts'
import { DRAIN_CASES } from './drain-cases.ts'
import { jobsRows } from './jobs-rows.ts'
import { measureParse, parseTable } from './parse.ts'
import { timeConsole, timeNode } from './start.ts'
import { holds, median, type Row, spread, table } from './table.ts'

// RUNS=5: runs of every case. ONLY=start|cluster|chat|jobs|parse, ONLY=matrix|slack|memory (parts of chat), or the name of one drain case, runs that alone.
// make hands on a variable that nobody set as an empty one
const runs = Number(process.env['RUNS'] || 5)
const only = process.env['ONLY'] || undefined
const say = (text: string): void => void process.stderr.write(`${text}\n`)

async function startRow(): Promise<Row> {
  await timeConsole()
  const ours: number[] = []
  const peer: number[] = []
  for (let run = 0; run < Math.max(runs, 5); run++) {
    peer.push(await timeNode())
    ours.push(await timeConsole())
  }
  return {
    what: 'cold start to ready, console only / node -e 0',
    ours: median(ours),
    peer: median(peer),
    unit: 'ms',
    bound: { kind: 'above', limit: 400 },
    spread: spread(ours),
  }
}

const drainCase = DRAIN_CASES.find(({ name }) => name === only)?.name
const chatPart = CHAT_PARTS.filter((part) => part === only)
const chatParts = chatPart.length === 0 ? CHAT_PARTS : chatPart
const GROUPS: Readonly<Record<string, () => Promise<readonly Row[]>>> = {
  start: async () => [await startRow()],
  cluster: () => clusterRows({ runs, say, ...(drainCase === undefined ? {} : { only: drainCase }) }),
  chat: () => chatRows(runs, say, chatParts),
  jobs: () => jobsRows(runs, say),
  parse: async () => [],
}
const wanted = drainCase !== undefined ? 'cluster' : chatParts.length === 1 ? 'chat' : only
if (wanted !== undefined && !Object.hasOwn(GROUPS, wanted)) {
  say(
    `bench: ONLY=${wanted} is none of ${[...Object.keys(GROUPS), ...CHAT_PARTS, ...DRAIN_CASES.map((c) => c.name)].join(' | ')}`,
  )
  process.exit(2)
}

const rows: Row[] = []
for (const [name, run] of Object.entries(GROUPS))
  if (wanted === undefined || wanted === name) rows.push(...(await run()))
if (rows.length > 0) process.stdout.write(`\nmedians of ${runs} interleaved runs\n${table(rows)}\n`)
if (wanted === undefined || wanted === 'parse') process.stdout.write(`\n${parseTable(measureParse())}\n`)
const missed = rows.filter((row) => !holds(row)).length
process.stdout.write(`\n${rows.length - missed} of ${rows.length} rows hold\n`)
process.exit(missed === 0 ? 0 : 1)

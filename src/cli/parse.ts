import { createInterface } from 'node:readline'
import { z } from 'zod'
import type { Command, Inventory, Understood } from '../commands/command.ts'
import { type Known, parse } from '../commands/parse.ts'
import { ERRORS } from '../errors.ts'

const line = z.strictObject({
  text: z.string(),
  as: z.string().optional(),
  room: z.string().optional(),
  bot: z.boolean().optional(),
  event: z.string().optional(),
  thread: z.string().optional(),
})
type Line = z.infer<typeof line>

export type ParseRoom = { readonly name: string; readonly cluster?: string; readonly clusters: readonly string[] }
export type ParseCommand = {
  /** Every line is a JSON object; without it a line that is none is the text itself. */
  readonly json: boolean
  readonly commands: readonly Command[]
  readonly known: readonly Known[]
  readonly inventory: Inventory
  readonly rooms: readonly ParseRoom[]
  readonly input: NodeJS.ReadableStream
  readonly output: { readonly write: (text: string) => unknown }
}

const no = (text: string, code: keyof typeof ERRORS): object => ({
  text,
  result: 'refuse',
  commands: [],
  message: ERRORS[code].sentence,
  code,
  choices: [],
})

/** One object of the output: always the same keys. */
function shown(text: string, understood: Understood): object {
  const commands = understood.result === 'command' ? understood.commands : []
  const said = understood.result === 'ask' || understood.result === 'refuse' ? understood : undefined
  return {
    text,
    result: understood.result,
    commands,
    message: said?.message ?? null,
    code: said?.code ?? null,
    choices: said?.choices ?? [],
  }
}

function readLine(written: string, json: boolean): Line | undefined {
  if (!json && !written.trimStart().startsWith('{')) return { text: written }
  try {
    const read = line.safeParse(JSON.parse(written))
    return read.success ? read.data : undefined
  } catch {
    // not JSON: what a person typed, unless only JSON was announced
    return json ? undefined : { text: written }
  }
}

function understandLine(written: string, options: ParseCommand): object {
  const { commands, known, inventory, rooms, json } = options
  const read = readLine(written, json)
  if (read === undefined) return no(written, 'EVENT-BAD')
  if (read.bot === true) return shown(read.text, { result: 'ignore' })
  const room = read.room === undefined ? { name: 'ops', clusters: [] } : rooms.find((r) => r.name === read.room)
  if (room === undefined) return no(read.text, 'ROOM-UNKNOWN')
  const job = /^job:(\d+)$/.exec(read.thread ?? '')?.[1]
  const thread = job === undefined ? {} : { thread: { job } }
  return shown(
    read.text,
    parse(read.text, { commands, known, inventory, room: rooms.find((r) => r.name === room.name) ?? room, ...thread }),
  )
}

/** `sluice parse`: what the bot would understand, one output line for each input line that is not empty. Changes nothing, asks nobody. */
export async function runParse(options: ParseCommand): Promise<number> {
  for await (const written of createInterface({ input: options.input, crlfDelay: Number.POSITIVE_INFINITY }))
    if (written.trim() !== '') options.output.write(`${JSON.stringify(understandLine(written, options))}\n`)
  return 0
}

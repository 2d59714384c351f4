import { z } from 'zod'
import { parseDurationMs } from '../duration.ts'
import { type JobState, STATES } from '../jobs/job.ts'
import type { Incoming } from './chat.ts'

/** One line of stdin, as the console protocol has it, and the text console's own forms. */
const person = z.string().min(1).max(64)
const base = { event: z.string().min(1).max(200).optional(), room: z.string().max(200).optional() }
const states = z.enum(STATES)
export const lineSchema = z.union([
  z.strictObject({
    until: z.strictObject({ job: z.string().regex(/^\d+$/), state: z.union([states, z.array(states)]) }),
    within: z
      .string()
      .refine((text) => parseDurationMs(text) !== undefined, 'a duration like 60s')
      .optional(),
  }),
  z.strictObject({
    ...base,
    as: person,
    text: z.string().max(100_000),
    bot: z.boolean().optional(),
    thread: z.string().optional(),
  }),
  z.strictObject({ ...base, as: person, react: z.string(), to: z.string() }),
  z.strictObject({ ...base, as: person, unreact: z.string(), to: z.string() }),
  z.strictObject({ ...base, as: person, press: z.string(), to: z.string() }),
  z.strictObject({ ...base, as: person, edit: z.string(), text: z.string().max(100_000) }),
  z.strictObject({ ...base, as: person, delete: z.string() }),
])
export type Line = z.output<typeof lineSchema>
export type Until = Extract<Line, { until: unknown }>
export type EventLine = Exclude<Line, Until>

export const untilStates = (line: Until): readonly JobState[] =>
  Array.isArray(line.until.state) ? line.until.state : [line.until.state]

const EMOJI = /^(✅|❌)\s+(?:job:)?(\d+)$/u

/** `as fran: ✅ 1`, `as fran: approve 1`, `drain server23 on p10` -> the same line as in JSON. */
export function textLine(text: string, speaker: string): Line {
  const [, as = speaker, rest = text] = /^as\s+([\w-]+)\s*:\s*(.*)$/s.exec(text) ?? []
  const [, emoji, job] = EMOJI.exec(rest.trim()) ?? []
  if (emoji !== undefined && job !== undefined) return { as, react: emoji, to: `job:${job}` }
  return { as, text: rest }
}

// each form of a line is one kind of event; the fields all events have are added by the caller
type Rest = Incoming extends infer T
  ? T extends Incoming
    ? Omit<T, 'event' | 'place' | 'user' | 'bot' | 'sentAtMs'>
    : never
  : never

/** What a line tells of; `on` is the message it is about. */
export function incoming(line: EventLine, event: string, on = ''): Rest {
  if ('react' in line) return { kind: 'reaction', name: line.react, on, added: true }
  if ('unreact' in line) return { kind: 'reaction', name: line.unreact, on, added: false }
  if ('press' in line) return { kind: 'press', button: line.press, on }
  if ('edit' in line) return { kind: 'edit', message: line.edit, text: line.text }
  if ('delete' in line) return { kind: 'delete', message: line.delete }
  return {
    kind: 'text',
    text: line.text,
    message: event,
    addressed: true,
    direct: false,
    ...(line.thread === undefined ? {} : { thread: on }),
  }
}

import pico from 'picocolors'
import stringWidth from 'string-width'
import { type Block, type Message, plain, type StepMark, type Tone } from '../message.ts'

/** How wide the terminal is and whether it has colours. */
export type Look = { readonly columns: number; readonly colours: boolean }

type Paint = (text: string) => string
const same: Paint = (text) => text
const tones = (c: ReturnType<typeof pico.createColors>): Record<Tone, Paint> => ({
  info: same,
  ok: c.green,
  warn: c.yellow,
  error: c.red,
  practice: c.magenta,
})
const marks = (c: ReturnType<typeof pico.createColors>): Record<StepMark, Paint> => ({
  pending: c.dim,
  running: c.cyan,
  done: c.green,
  failed: c.red,
  skipped: c.dim,
})

/** Breaks one line at blanks so that it fits; what continues is indented. */
export function wrap(line: string, columns: number): string[] {
  if (stringWidth(line) <= columns) return [line]
  const indent = `${/^\s*(?:[-·▸✔✘–] )?/u.exec(line)?.[0].replace(/\S/gu, ' ') ?? ''}`
  const out: string[] = []
  let now = ''
  for (const word of line.split(' ')) {
    const longer = now === '' ? word : `${now} ${word}`
    if (now !== '' && stringWidth(longer) > columns) {
      out.push(now)
      now = `${indent}${word}`
    } else now = longer
  }
  return [...out, now]
}

/** The message for a terminal: wrapped, coloured, buttons as words. `keep` leaves out lines that were printed before. */
export function paint(message: Message, look: Look, keep: (plainLine: string) => boolean = () => true): string {
  const c = pico.createColors(look.colours)
  const lines = message.blocks.flatMap((block) =>
    plain({ blocks: [block] })
      .split('\n')
      .filter(keep)
      .flatMap((line) => (block.kind === 'table' || block.kind === 'code' ? [line] : wrap(line, look.columns)))
      .map((line) => painter(block, c)(line)),
  )
  const buttons = (message.buttons ?? []).map((b) => c.cyan(`[${b.label}]`)).join(' ')
  return [...lines, ...(buttons === '' || lines.length === 0 ? [] : [buttons])].join('\n')
}

function painter(block: Block, c: ReturnType<typeof pico.createColors>): Paint {
  if (block.kind === 'heading') return c.bold
  if (block.kind === 'note') return tones(c)[block.tone]
  if (block.kind !== 'steps') return same
  return (line) => {
    const step = block.items.find((s) => line.includes(s.title.slice(0, 20)))
    return step === undefined ? line : marks(c)[step.mark](line)
  }
}

import pico from 'picocolors'
import stringWidth from 'string-width'
import { type Block, flat, type Message } from '../message.ts'
import { paint, tame } from './console-paint.ts'
import type { Size } from './console-screen.ts'

const MOST_OTHERS = 5
const MOST_STEPS = 6
const FEWEST_ROWS = 4

/**
 * The cards of jobs that are not over, as lines for the bottom of a terminal: the one that changed last in short, the others as one line each. `cards` stand in the
 * order in which they changed. At most half of the rows are taken.
 */
export function liveLines(cards: readonly Message[], size: Size, colours: boolean): readonly string[] {
  const last = cards.at(-1)
  if (last === undefined) return []
  const c = pico.createColors(colours)
  // the last column stays free: terminals differ in what happens behind it
  const columns = size.columns - 1
  const most = Math.max(FEWEST_ROWS, Math.floor(size.rows / 2))
  const before = cards.slice(0, -1).toReversed()
  const others = before.slice(0, Math.min(MOST_OTHERS, most - FEWEST_ROWS)).map((card) => cutTo(summary(card), columns))
  const hidden = before.length - others.length
  const more = hidden === 0 ? [] : [c.dim(`and ${hidden} more; say jobs`)]
  const focus = paint({ blocks: last.blocks.flatMap(brief) }, { columns, colours, fold: true }).split('\n')
  const room = most - 1 - others.length - more.length
  const shown = focus.length <= room ? focus : [...focus.slice(0, room - 1), c.dim('…')]
  return [c.dim('─'.repeat(columns)), ...more, ...others.toReversed(), ...shown]
}

/** Without what everybody knows by now: who asked, that it is practice, steps that are long done or far away. */
function brief(block: Block): readonly Block[] {
  if (block.kind === 'fields' || (block.kind === 'note' && block.tone === 'practice')) return []
  if (block.kind !== 'steps' || block.items.length <= MOST_STEPS) return [block]
  const { items } = block
  const done = items.filter(({ mark }) => mark === 'done' || mark === 'skipped').length
  const pending = items.filter(({ mark }) => mark === 'pending').length
  const rest = items.filter(({ mark }) => mark === 'running' || mark === 'failed')
  return [
    {
      kind: 'steps',
      items: [
        ...(done === 0 ? [] : [{ title: `${done} of ${items.length} steps`, mark: 'done' as const }]),
        ...rest.slice(-MOST_STEPS),
        ...(pending === 0 ? [] : [{ title: `${pending} to come`, mark: 'pending' as const }]),
      ],
    },
  ]
}

/** `#2 cordon server24 on p10 · queued` */
const summary = ({ blocks }: Message): string =>
  blocks
    .flatMap((b) => (b.kind === 'heading' || (b.kind === 'note' && b.tone !== 'practice') ? [flat(b.text)] : []))
    .map((text) => tame(text).replaceAll('\n', ' '))
    .join(' · ')

function cutTo(text: string, columns: number): string {
  if (stringWidth(text) <= columns) return text
  let out = ''
  for (const { segment } of new Intl.Segmenter(undefined, { granularity: 'grapheme' }).segment(text)) {
    if (stringWidth(out + segment) >= columns) break
    out += segment
  }
  return `${out}…`
}

import { type Block, type Message, plain } from '../message.ts'

/** A screen of a phone is about this many lines. */
const MOST = 30
const KEPT = 20

/** A message of more than a screen in short, with the whole beside it as a file; a shorter one as it is. Pure. */
export function inShort(message: Message, fileName: string): Message {
  const blocks = message.blocks.flatMap((block) => shortened(block, fileName))
  if (blocks.length === message.blocks.length) return message
  return { ...message, blocks, file: { name: fileName, text: plain(message) } }
}

function shortened(block: Block, fileName: string): readonly Block[] {
  const rest = (all: number, what: string): Block => ({
    kind: 'text',
    text: `${KEPT} of ${all} ${what}; all of them are in ${fileName}.`,
  })
  if (block.kind === 'table' && block.rows.length > MOST)
    return [{ ...block, rows: block.rows.slice(0, KEPT) }, rest(block.rows.length, 'rows')]
  if (block.kind === 'list' && block.items.length > MOST)
    return [{ ...block, items: block.items.slice(0, KEPT) }, rest(block.items.length, 'lines')]
  if (block.kind !== 'code') return [block]
  const lines = block.text.split('\n')
  return lines.length > MOST
    ? [{ ...block, text: lines.slice(0, KEPT).join('\n') }, rest(lines.length, 'lines')]
    : [block]
}

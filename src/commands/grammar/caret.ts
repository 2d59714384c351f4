import stringWidth from 'string-width'

const SHOWN_CHARACTERS = 100

/**
 * The line of the text that holds the place, carets under it, then the sentence. Long lines are cut around the place.
 * `start` and `end` are offsets into the text.
 */
export function pointAt(text: string, start: number, end: number, sentence: string): string {
  const lineStart = text.lastIndexOf('\n', Math.max(start - 1, 0)) + 1
  const from = start < lineStart ? 0 : lineStart
  const newline = text.indexOf('\n', start)
  const line = text.slice(from, newline === -1 ? text.length : newline).replaceAll('\t', ' ')
  const at = start - from
  const cut = at > SHOWN_CHARACTERS - 20 ? at - 20 : 0
  const shown = `${cut > 0 ? '…' : ''}${line.slice(cut, cut + SHOWN_CHARACTERS)}${line.length > cut + SHOWN_CHARACTERS ? '…' : ''}`
  const before = `${cut > 0 ? '…' : ''}${line.slice(cut, at)}`
  const length = Math.min(
    Math.max(stringWidth(text.slice(start, Math.min(end, from + line.length))), 1),
    SHOWN_CHARACTERS,
  )
  return `${shown}\n${' '.repeat(stringWidth(before))}${'^'.repeat(length)}\n${sentence}`
}

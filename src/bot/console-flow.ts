import stringWidth from 'string-width'

export type Paint = (text: string) => string
/** A stretch of text in one style. */
export type Piece = { readonly text: string; readonly paint: Paint }
/** What stands between two blanks: usually one piece, several where the style changes inside it. */
export type Word = readonly Piece[]

/** How lines are laid out: `lead` stands before the first word and is never parted from it, `hang` blanks before every further line. */
export type Layout = { readonly columns: number; readonly lead: Word; readonly hang: number }

const NARROWEST = 8
const ASCII = /^[\u0020-\u007e]*$/
const segmenter = new Intl.Segmenter(undefined, { granularity: 'grapheme' })
// most text is ASCII, and a log of a megabyte must not take seconds
const textWidth = (text: string): number => (ASCII.test(text) ? text.length : stringWidth(text))
const widthOf = (word: Word): number => textWidth(word.map(({ text }) => text).join(''))
const unitsOf = (text: string): readonly string[] =>
  ASCII.test(text) ? text.split('') : [...segmenter.segment(text)].map(({ segment }) => segment)
const same: Paint = (text) => text

/** Pieces cut at blanks; two blanks in a row keep an empty word between them. */
export function wordsOf(pieces: readonly Piece[]): readonly Word[] {
  const words: Piece[][] = [[]]
  for (const { text, paint } of pieces)
    for (const [i, part] of text.split(' ').entries()) {
      if (i > 0) words.push([])
      if (part !== '') words.at(-1)?.push({ text: part, paint })
    }
  return words
}

/** Words as lines that fit: broken at blanks, a longer word behind its punctuation, else anywhere between two characters. Nothing is lost. */
export function flow(words: readonly Word[], { columns, lead, hang }: Layout): readonly string[] {
  const room = Math.max(NARROWEST, columns)
  const indent = Math.min(hang, Math.floor(room / 2))
  const lines: Piece[][] = [[...lead]]
  let width = widthOf(lead)
  let begun = false
  const next = (): void => {
    lines.push([{ text: ' '.repeat(indent), paint: same }])
    width = indent
    begun = false
  }
  for (const word of words) {
    const wide = widthOf(word)
    if (begun && width + 1 + wide > room) next()
    if (begun) add(lines, { text: ' ', paint: word[0]?.paint ?? same })
    width += begun ? 1 : 0
    begun = true
    const parts = width + wide <= room ? [word] : breakWord(word, room - width, room - indent)
    for (const [i, part] of parts.entries()) {
      if (i > 0) next()
      begun = true
      for (const piece of part) add(lines, piece)
      width += widthOf(part)
    }
  }
  return lines.map(painted)
}

/** Appends to the last line; what has the same style is painted together. */
function add(lines: Piece[][], piece: Piece): void {
  const line = lines.at(-1)
  const last = line?.at(-1)
  if (line === undefined) return
  if (last !== undefined && last.paint === piece.paint)
    line[line.length - 1] = { text: last.text + piece.text, paint: piece.paint }
  else line.push(piece)
}

const painted = (line: readonly Piece[]): string =>
  line
    .map(({ text, paint }, i) => {
      const shown = i === line.length - 1 ? text.trimEnd() : text
      return shown.trim() === '' ? shown : paint(shown)
    })
    .join('')
    .trimEnd()

const BREAKS_AFTER = /[-/._,:;=&?@)\] ]$/

/** A word in parts: the first may be `first` columns wide, the others `rest`. */
function breakWord(word: Word, first: number, rest: number): readonly Word[] {
  const widths = new Map<string, number>()
  const units = word.flatMap(({ text, paint }) => unitsOf(text).map((unit) => ({ text: unit, paint })))
  for (const { text } of units) if (!widths.has(text)) widths.set(text, textWidth(text))
  const parts: Word[] = []
  let at = 0
  let room = first
  while (at < units.length) {
    const end = partEnd(units, widths, at, room)
    // no character fits behind the lead: the word begins on a line of its own
    if (end === at && room < rest) parts.push([])
    else parts.push(units.slice(at, Math.max(end, at + 1)))
    at = end === at && room < rest ? at : Math.max(end, at + 1)
    room = rest
  }
  return parts
}

/** Where the part that begins at `at` ends: behind the last punctuation of its second half, or where the room ends. */
function partEnd(units: readonly Piece[], widths: ReadonlyMap<string, number>, at: number, room: number): number {
  let [end, width] = [at, 0]
  while (end < units.length) {
    const wide = widths.get(units[end]?.text ?? '') ?? 0
    if (width + wide > room) break
    width += wide
    end += 1
  }
  if (end === units.length) return end
  for (let i = end; i > at + (end - at) / 2; i--) if (BREAKS_AFTER.test(units[i - 1]?.text ?? '')) return i
  return end
}

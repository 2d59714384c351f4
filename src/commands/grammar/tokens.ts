/** One word of a sentence, with where it stands in what was typed (so that an error can point at it). */
export type Token = {
  /** As typed, with typographic quotes and dashes made plain. */
  readonly text: string
  readonly lower: string
  readonly start: number
  readonly end: number
  /** Stood in quotation marks: never a command word. */
  readonly quoted: boolean
  /** Nothing stands between this token and the one before. */
  readonly joined: boolean
}

export const MAX_CHARACTERS = 4_000

const DASHES = new Set(['‐', '‑', '‒', '–', '—', '―', '−'])
const QUOTES: Record<string, string> = {
  '“': '"',
  '”': '"',
  '„': '"',
  '«': '"',
  '»': '"',
  '‘': "'",
  '’': "'",
  '‚': "'",
}
const PUNCTUATION = new Set([',', ';', '\n', '?', '!', ':', '.', '(', ')', '&'])

const isSpace = (c: string): boolean => c === ' ' || c === '\t' || c === '\r' || c === '\u00a0' || c === '\u202f'
const isMarkup = (c: string): boolean => c === '`' || c === '*' || c === '~'

/** Index of the first control or direction-changing character, or -1. Line feed, tab and carriage return are text. */
export function controlCharacterAt(text: string): number {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if ((code < 0x20 && code !== 0x0a && code !== 0x09 && code !== 0x0d) || (code >= 0x7f && code < 0xa0)) return i
    if ((code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069) || code === 0xfffe || code === 0xffff)
      return i
  }
  return -1
}

/** Characters that say nothing: emoji with their joiners, zero-width marks. */
function isNoise(text: string, i: number): number {
  const code = text.codePointAt(i) ?? 0
  const size = code > 0xffff ? 2 : 1
  if (code >= 0x1f000 && code <= 0x1faff) return size
  if ((code >= 0x2600 && code <= 0x27bf) || (code >= 0x2b00 && code <= 0x2bff)) return size
  if (code === 0xfe0f || code === 0x200d || (code >= 0x200b && code <= 0x200f) || code === 0xfeff || code === 0x2060)
    return size
  return 0
}

/** Phones turn `--force` into an em dash and `-` into an en dash. */
function plainWord(raw: string): string {
  let out = ''
  for (let i = 0; i < raw.length; i++) {
    const c = raw[i] ?? ''
    if (DASHES.has(c))
      out += i === 0 && c !== '–' && c !== '‐' && c !== '−' ? '--' : i === 0 && raw.length > 3 ? '--' : '-'
    else if (!isMarkup(c) && isNoise(raw, i) === 0) out += QUOTES[c] ?? c
  }
  return out
}

const CLOSERS: Record<string, string> = { '[': ']', '{': '}', '<': '>' }

/** Where a word ends: at a space, or at a comma or semicolon outside of brackets. */
function wordEnd(text: string, from: number): number {
  let closer = ''
  for (let i = from; i < text.length; i++) {
    const c = text[i] ?? ''
    if (c === '\n' || (isSpace(c) && closer !== '>')) return i
    if (closer !== '') {
      if (c === closer) closer = ''
    } else if (CLOSERS[c] !== undefined) closer = CLOSERS[c] ?? ''
    else if (c === ';' || isQuote(c) || (c === ',' && (text[from] !== '-' || isSpace(text[i + 1] ?? ' ')))) return i
  }
  return text.length
}

const isQuote = (c: string): boolean => c === '"' || QUOTES[c] === '"'

const token = (text: string, start: number, end: number, before: readonly Token[], quoted = false): Token => ({
  text,
  lower: text.toLowerCase(),
  start,
  end,
  quoted,
  joined: before.at(-1)?.end === start,
})

/** `--grace-period=5` is two words; `--force=true` is `--force`. */
function pushFlag(tokens: Token[], word: string, start: number, end: number): void {
  const at = word.indexOf('=')
  const value = word.slice(at + 1)
  tokens.push(token(word.slice(0, at), start, start + at, tokens))
  if (value !== '' && value !== 'true') tokens.push(token(value, start + at + 1, end, tokens))
}

function pushWord(tokens: Token[], raw: string, start: number): void {
  let end = start + raw.length
  const whole = plainWord(raw)
  let keep = whole.length
  while (keep > 1 && PUNCTUATION.has(whole[keep - 1] ?? '') && !(whole[keep - 1] === '.' && whole[keep - 2] === '.'))
    keep -= 1
  // a dash made longer can shift the places of the marks behind it by one: they are only ever pointed at
  const first = end - whole.length
  const tail = Array.from({ length: whole.length - keep }, (_, i) =>
    token(whole[keep + i] ?? '', first + keep + i, first + keep + i + 1, []),
  )
  end -= whole.length - keep
  let word = whole.slice(0, keep)
  if (word.startsWith('!') && word.length > 1) word = word.slice(1)
  if (word.length > 1) word = word.replaceAll(/[()]/g, '')
  if (word.length > 1 && word.startsWith("'") && word.endsWith("'")) word = word.slice(1, -1)
  if (/^--?[a-z][a-z-]*=/i.test(word)) pushFlag(tokens, word, start, end)
  else if (word !== '') tokens.push(token(word, start, end, tokens))
  tokens.push(...tail.map((t) => ({ ...t, joined: true })))
}

/**
 * Cuts a sentence into words once, in time linear in its length. Emoji, code formatting and zero-width marks vanish;
 * `,` `;` `?` and line ends are words of their own; brackets of a range (`server{22,24}`) and quoted text stay whole.
 */
export function tokenise(text: string): readonly Token[] {
  const tokens: Token[] = []
  // the next closing quotation mark is looked up only while there is one: keeps many lone quotes linear
  let quotesLeft = true
  for (let i = 0; i < text.length; ) {
    const c = text[i] ?? ''
    const noise: number = isNoise(text, i)
    if (noise > 0 || isSpace(c) || isMarkup(c)) i += Math.max(noise, 1)
    else if (c === '\n' || c === ',' || c === ';') {
      tokens.push(token(c, i, i + 1, tokens))
      i += 1
    } else if (isQuote(c)) {
      const end: number = quotesLeft ? closingQuote(text, i + 1) : -1
      quotesLeft = end !== -1
      if (end !== -1) tokens.push(token(text.slice(i + 1, end), i, end + 1, tokens, true))
      i = end === -1 ? i + 1 : end + 1
    } else {
      const end = Math.max(wordEnd(text, i), i + 1)
      pushWord(tokens, text.slice(i, end), i)
      i = end
    }
  }
  return tokens
}

function closingQuote(text: string, from: number): number {
  for (let i = from; i < text.length; i++) if (isQuote(text[i] ?? '')) return i
  return -1
}

import type { Understood } from '../command.ts'
import { plainNo } from './no.ts'
import type { Sentence } from './slots.ts'
import type { Token } from './tokens.ts'

const BREAKS = new Set(['\n', ';', '&&'])
const JOINERS = new Set(['and', 'und', 'then', 'dann', ',', '&'])
/** A pasted block of more lines is nobody's question. */
const MAX_PARTS = 20

const part = (sentence: Sentence, tokens: readonly Token[]): Sentence => ({ ...sentence, tokens })

function cut(tokens: readonly Token[], at: (token: Token) => boolean): readonly (readonly Token[])[] {
  const parts: Token[][] = [[]]
  for (const token of tokens) {
    if (!token.quoted && at(token)) parts.push([])
    else parts.at(-1)?.push(token)
  }
  return parts.filter((p) => p.length > 0)
}

type Parse = (part: Sentence) => Understood | undefined
type Part = { readonly text: string; readonly understood: Understood | undefined }

const textOf = (sentence: Sentence, tokens: readonly Token[]): string =>
  sentence.text.slice(tokens[0]?.start ?? 0, tokens.at(-1)?.end ?? 0).trim()

/** A part without a verb takes the first one's: `list nodes p10 and c2`. The longest beginning that makes sense wins. */
function withVerb(
  sentence: Sentence,
  first: readonly Token[],
  tokens: readonly Token[],
  parse: Parse,
): Part | undefined {
  for (let verb = Math.min(3, first.length); verb > 0; verb--) {
    const head = first.slice(0, verb)
    const understood = parse(part(sentence, [...head, ...tokens]))
    if (understood?.result === 'command')
      return { text: `${textOf(sentence, head)} ${textOf(sentence, tokens)}`, understood }
  }
  return undefined
}

function parts(sentence: Sentence, pieces: readonly (readonly Token[])[], parse: Parse): readonly Part[] | undefined {
  const first = pieces[0] ?? []
  const found: Part[] = []
  for (const [i, tokens] of pieces.entries()) {
    const borrowed = i === 0 ? undefined : withVerb(sentence, first, tokens, parse)
    const alone = borrowed === undefined ? parse(part(sentence, tokens)) : undefined
    if (borrowed === undefined && alone === undefined) return undefined
    found.push(borrowed ?? { text: textOf(sentence, tokens), understood: alone })
  }
  return found
}

/** Several commands in one message: all reads are done; with a change among them each is offered as its own line. */
export function parseSeveral(sentence: Sentence, parse: Parse): Understood | undefined {
  const lines = cut(sentence.tokens, (t) => BREAKS.has(t.lower))
  const joined = lines.length === 1 ? cut(sentence.tokens, (t) => JOINERS.has(t.lower)) : lines
  if (joined.length < 2) return undefined
  if (joined.length > MAX_PARTS)
    return lines.length > MAX_PARTS
      ? plainNo('PARSE-SEVERAL', `That are ${lines.length} lines. Nothing was done.`)
      : undefined
  const found = parts(sentence, joined, parse)
  if (found === undefined) return lines.length > 1 ? mixed(sentence, lines, parse) : undefined
  const commands = found.flatMap((p) => (p.understood?.result === 'command' ? p.understood.commands : []))
  if (found.every((p) => p.understood?.result === 'command') && commands.every((c) => c.risk === 'read'))
    return { result: 'command', commands }
  // an operation that does not exist is not worth sending alone
  const refused = found.find((p) => p.understood?.result === 'refuse')?.understood
  return refused ?? offer(found.map((p) => p.text))
}

const offer = (texts: readonly string[]): Understood =>
  plainNo(
    'PARSE-SEVERAL',
    'One message may hold one change. Nothing was done. Send them one by one:',
    texts.map((text) => ({ label: text, text })),
  )

/** Lines of which some mean nothing: said, with those that do. */
function mixed(sentence: Sentence, lines: readonly (readonly Token[])[], parse: Parse): Understood | undefined {
  const good = lines
    .filter((tokens) => parse(part(sentence, tokens))?.result === 'command')
    .map((tokens) => textOf(sentence, tokens))
  return good.length === 0
    ? undefined
    : {
        ...plainNo(
          'PARSE-SEVERAL',
          'Not every line is a command; nothing was done. Send one by one:',
          good.map((text) => ({ label: text, text })),
        ),
      }
}

import type { Understood } from '../command.ts'
import { plainNo } from './no.ts'

/** What Sluice asked somebody, and what may be answered. */
export type Pending = {
  readonly choices: readonly { readonly label: string; readonly text: string }[]
  readonly fill?: { readonly before: string; readonly after: string }
}

const YES = new Set([
  'yes',
  'y',
  'yep',
  'yeah',
  'sure',
  'ok',
  'okay',
  'ja',
  'jo',
  'klar',
  'genau',
  'do it',
  'go',
  'go ahead',
  'yes please',
  'ja bitte',
  'correct',
  'right',
  '👍',
  '✅',
])
const NO = new Set([
  'no',
  'n',
  'nope',
  'nein',
  'nö',
  'no thanks',
  'nein danke',
  'never mind',
  'nevermind',
  'forget it',
  '❌',
  '👎',
])

/** Typed instead of reacted. */
const VOTES: Readonly<Record<string, string>> = { '✅': 'approve', '❌': 'deny' }

const unaddressed = (text: string): string =>
  text
    .trim()
    .replace(/^(?:<@[a-z0-9|._-]+>|@?sluice[:,]?|!|\/sluice)\s*/i, '')
    .replaceAll(/[.!?,\s]+$/g, '')
const bare = (text: string): string => unaddressed(text).toLowerCase()

/** A word of the open gate of the job whose thread this is: `longer`. */
export function gateWord(
  text: string,
  thread: { readonly job: string; readonly words?: readonly string[] } | undefined,
): string | undefined {
  if (thread?.words === undefined || text.length > 80) return undefined
  const reply = bare(text)
  const word = thread.words.find((w) => w.toLowerCase() === reply)
  return word === undefined ? undefined : `job ${thread.job} ${word}`
}

/**
 * The sentence a reply stands for, or its outcome; undefined when the text is no reply.
 * `yes` and `no` with nothing asked are people talking to each other: ignored.
 */
export function answerPending(text: string, context: { readonly pending?: Pending }): string | Understood | undefined {
  if (text.length > 80) return undefined
  const reply = bare(text)
  const choices = context.pending?.choices ?? []
  const nothing = choices.length === 0
  if (nothing && VOTES[reply] !== undefined) return VOTES[reply]
  if (nothing && (YES.has(reply) || (NO.has(reply) && context.pending?.fill === undefined))) return { result: 'ignore' }
  if (NO.has(reply)) return plainNo('PARSE-NEGATED', 'All right, nothing was done.')
  if (nothing) return undefined
  const [first] = choices
  if (YES.has(reply))
    return choices.length === 1 && first !== undefined
      ? first.text
      : { result: 'ask', code: 'PARSE-AMBIGUOUS', message: 'Which one?', choices }
  if (/^\d+$/.test(reply) && Number(reply) > choices.length)
    return { result: 'ask', code: 'PARSE-AMBIGUOUS', message: `There are ${choices.length} to choose from.`, choices }
  const numbered = /^[1-9]\d?$/.test(reply) ? choices[Number(reply) - 1] : undefined
  return (
    choices.find((c) => c.label.toLowerCase() === reply) ??
    choices.find((c) => reply === `on ${c.label.toLowerCase()}`) ??
    numbered
  )?.text
}

/** The sentence that lacked a part, with the reply in its place; undefined when nothing was asked that is open. */
export function filledIn(text: string, { fill }: Pending): string | undefined {
  const reply = unaddressed(text)
  return fill === undefined || reply === '' || text.length > 200 ? undefined : `${fill.before}${reply}${fill.after}`
}

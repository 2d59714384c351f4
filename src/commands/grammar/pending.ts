import type { Understood } from '../command.ts'
import { plainNo } from './no.ts'

/** What Sluice asked somebody, and what may be answered. */
export type Pending = { readonly choices: readonly { readonly label: string; readonly text: string }[] }

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

const bare = (text: string): string =>
  text
    .trim()
    .toLowerCase()
    .replace(/^(?:<@[a-z0-9|._-]+>|@?sluice[:,]?|!|\/sluice)\s*/, '')
    .replaceAll(/[.!?,\s]+$/g, '')

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
  if (choices.length === 0) return YES.has(reply) || NO.has(reply) ? { result: 'ignore' } : undefined
  if (NO.has(reply)) return plainNo('PARSE-NEGATED', 'All right, nothing was done.')
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

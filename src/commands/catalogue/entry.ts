import type { Phrase } from '../command.ts'
import type { Known } from '../grammar.ts'

const lines = (text: string): readonly Phrase[] =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')

type More = { readonly options?: string; readonly manual?: string; readonly instead?: Known['instead'] }

/** An operation that is planned: what it will do, and the manual's way until then. One phrase per line. */
export const notYet = (name: string, does: string, phrases: string, more: More = {}): Known => ({
  name,
  code: 'NOT-YET',
  sentence: `\`${name}\` does not exist yet. It will ${does}.${more.manual === undefined ? '' : ` Meanwhile: ${more.manual}`}`,
  phrases: lines(phrases),
  ...(more.options === undefined ? {} : { options: lines(more.options) }),
  ...(more.instead === undefined ? {} : { instead: more.instead }),
})

/** Words that Sluice understands and will not act on, ever or in this form. */
export const notOffered = (
  name: string,
  code: Known['code'],
  sentence: string,
  phrases: string,
  instead?: Known['instead'],
): Known => ({
  name,
  code,
  sentence,
  phrases: lines(phrases),
  ...(instead === undefined ? {} : { instead }),
})

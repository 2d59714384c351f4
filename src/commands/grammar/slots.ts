import { isPast } from '../past.ts'
import { clusterOf, looksLikeCluster, type Names } from './names.ts'
import { nodeEnd, nodeRunEnd } from './node-words.ts'
import { selectorClause, selectorHead, type Taken } from './selectors.ts'
import { durationEnd, durationMs, timeEnd } from './times.ts'
import type { Token } from './tokens.ts'
import { FILLERS, isNegation, skipWords, STOP_WORDS } from './words.ts'

/** A sentence ready for matching. */
export type Sentence = { readonly text: string; readonly tokens: readonly Token[]; readonly names: Names }

/** A slot says where it ends and, where the words alone tell, what it means. Undefined: it does not begin here. */
export type Recogniser = (sentence: Sentence, at: number) => Taken<unknown> | undefined

/** `the day before yesterday at 18:00` */
const PAST_WORDS = 6

const word = ({ tokens }: Sentence, at: number): string =>
  tokens[at]?.quoted === false ? (tokens[at]?.lower ?? '') : ''
const one =
  (accept: RegExp, value: (text: string) => unknown): Recogniser =>
  (s, at) => {
    const token = s.tokens[at]
    return token !== undefined && !token.quoted && accept.test(token.text)
      ? { end: at + 1, value: value(token.text) }
      : undefined
  }

const isName = (s: Sentence, at: number): boolean => {
  const text = word(s, at)
  return text !== '' && !text.startsWith('-') && !STOP_WORDS.has(text) && !isNegation(text)
}

const cluster: Recogniser = (s, at) => {
  const skipped = word(s, at) === 'cluster' ? at + 1 : at
  const text = word(s, skipped)
  if (clusterOf(s.names, text) === undefined && !(looksLikeCluster(text) && !s.names.nodes.has(text))) return undefined
  return { end: word(s, skipped + 1) === 'cluster' ? skipped + 2 : skipped + 1, value: text }
}

const job: Recogniser = (s, at) => {
  let i = at
  while (['job', 'jobs', 'number', 'nr', 'auftrag'].includes(word(s, i))) i += 1
  const [, id] = /^(?:#|job-|job:)?([1-9]\d{0,8})$/.exec(word(s, i)) ?? []
  return id === undefined ? undefined : { end: i + 1, value: id }
}

const JOINERS = new Set(['and', 'und', ',', '&'])
/** `cancel 17 and 18`, `stop job 17 and 18`: numbers of jobs are no reason. */
function isMoreJobs(s: Sentence, at: number): boolean {
  const from = JOINERS.has(word(s, at)) ? at + 1 : at
  const number = word(s, from) === 'job' ? from + 1 : from
  if (!/^#?\d{1,9}$/.test(word(s, number))) return false
  return (
    number > at ||
    number + 1 === s.tokens.length ||
    JOINERS.has(word(s, number + 1)) ||
    /^#?\d{1,9}$/.test(word(s, number + 1))
  )
}

/** The rest of the sentence as typed, without a ticket at its end. */
const text: Recogniser = (s, at) => {
  const first = s.tokens[at]
  if (first === undefined) return undefined
  if (isMoreJobs(s, at)) return undefined
  if (first.quoted) return { end: at + 1, value: first.text }
  let end = s.tokens.length
  for (let i = Math.max(at + 1, end - 4); i < end; i++)
    if (ticket(s, i)?.end === end || support(s, i)?.end === end) end = i
  return { end, value: s.text.slice(first.start, s.tokens[end - 1]?.end).trim() }
}

const TICKET_WORDS = new Set(['ticket', 'redmine', 'issue', 'tkt'])
/** `#1234`, `ticket 1234`, `redmine #1234`, an address that ends in /issues/1234. */
export const ticket: Recogniser = (s, at) => {
  const url = /^<?https?:\/\/[^\s|>]+\/issues\/(\d{1,9})(?:[/?#|][^\s]*)?>?$/.exec(word(s, at))?.[1]
  if (url !== undefined) return { end: at + 1, value: url }
  let i = at
  if (['for', 'see', 'per', 'ref', 'wegen'].includes(word(s, i))) i += 1
  const named = TICKET_WORDS.has(word(s, i))
  if (named) i += 1
  if (named && (word(s, i) === ':' || word(s, i) === '#')) i += 1
  const id = (named ? /^#?(\d{1,9})$/ : /^#(\d{1,9})$/).exec(word(s, i))?.[1]
  return id === undefined ? undefined : { end: i + 1, value: id }
}

/** `support 5678`, `rt 5678`, the address of a Request Tracker ticket. */
export const support: Recogniser = (s, at) => {
  const url = /^<?https?:\/\/[^\s|>]+\/ticket\/display\.html\?id=(\d{1,9})[^\s]*>?$/.exec(word(s, at))?.[1]
  if (url !== undefined) return { end: at + 1, value: url }
  if (word(s, at) !== 'support' && word(s, at) !== 'rt') return undefined
  const skip = word(s, at + 1) === 'ticket' ? at + 2 : at + 1
  const id = /^#?(\d{1,9})$/.exec(word(s, skip))?.[1]
  return id === undefined ? undefined : { end: skip + 1, value: id }
}

const PREPOSITIONS = new Set([
  'on',
  'in',
  'at',
  'of',
  'for',
  'from',
  'to',
  'auf',
  'von',
  'für',
  'aus',
  'im',
  '--context',
  '--cluster',
])
const PLACES = new Set(['on', 'auf', '--context', '--cluster'])

/** `on p10`, `p10`, `auf dem Cluster p10`, `--context p10`; after `on` also a name that no cluster has. */
export const floatingCluster: Recogniser = (s, at) => {
  const prepositions = PREPOSITIONS.has(word(s, at)) ? 1 : 0
  let i = at + prepositions
  while (prepositions > 0 && ['the', 'cluster', 'dem', 'der', 'my', 'our'].includes(word(s, i))) i += 1
  const found = cluster(s, i)
  if (found !== undefined) return found
  const misspelt =
    PLACES.has(word(s, at)) &&
    isName(s, i) &&
    nodeEnd(s.tokens, i, s.names) === i &&
    timeEnd(s.tokens, at) === at &&
    /^[a-z][a-z0-9.-]{0,62}$/.test(word(s, i))
  return misspelt ? { end: i + 1, value: word(s, i) } : undefined
}

const ended = (end: number, at: number, value: unknown): Taken<unknown> | undefined =>
  end > at ? { end, value } : undefined

const duration: Recogniser = (s, at) => {
  const from = word(s, at) === 'for' || word(s, at) === 'für' ? at + 1 : at
  const end = durationEnd(s.tokens, from)
  return end === from ? undefined : { end, value: durationMs(s.tokens.slice(from, end).map((t) => t.lower)) }
}

/** `list {things:words}`: several plain words, as few as the phrase allows is not known, so one to the end. */
export const RECOGNISERS: Readonly<Record<string, Recogniser>> = {
  cluster,
  job,
  text,
  reason: text,
  topic: text,
  ticket,
  support,
  duration,
  nodes: (s, at) => ended(nodeRunEnd(s.tokens, at, s.names), at, undefined),
  node: (s, at) => ended(nodeEnd(s.tokens, at, s.names), at, undefined),
  selector: (s, at) => selectorHead(s.tokens, at) ?? selectorClause(s.tokens, at, s.names, true),
  osd: (s, at) => {
    const joined = /^osd\.?(\d{1,5})$/.exec(word(s, at))?.[1]
    const apart = word(s, at) === 'osd' ? /^\d{1,5}$/.exec(word(s, at + 1))?.[0] : undefined
    return joined !== undefined
      ? { end: at + 1, value: joined }
      : apart === undefined
        ? undefined
        : { end: at + 2, value: apart }
  },
  number: one(/^-?\d{1,9}s?$/, (t) => Number(t.replace(/s$/, ''))),
  version: one(/^v?\d+(?:\.\d+){0,2}$/i, (t) => t.replace(/^v/i, '')),
  person: (s, at) =>
    isName(s, at) && clusterOf(s.names, word(s, at)) === undefined
      ? { end: at + 1, value: word(s, at).replace(/^@/, '') }
      : undefined,
  past: (s, at) => {
    for (let end = Math.min(at + PAST_WORDS, s.tokens.length); end > at; end--) {
      const words = s.tokens.slice(at, end)
      const said = words.map((t) => t.text).join(' ')
      if (words.every((t) => !t.quoted) && isPast(said)) return { end, value: said }
    }
    return undefined
  },
  time: (s, at) => ended(timeEnd(s.tokens, at), at, undefined),
  word: (s, at) => (isName(s, at) ? { end: at + 1, value: s.tokens[at]?.text } : undefined),
  name: (s, at) =>
    isName(s, at) && /^[a-z0-9@]/.test(word(s, at)) && skipWords(FILLERS, s.tokens, at) === at
      ? { end: at + 1, value: s.tokens[at]?.text }
      : undefined,
}

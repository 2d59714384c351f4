import type { Understood } from '../command.ts'
import type { Grammar, Known } from '../grammar.ts'
import { type Choice, isNo, type No, plainNo } from './no.ts'
import { namedCluster } from './resolve.ts'
import { type Case, targetsOf } from './targets-of.ts'

/** What the catalogue says about words that are no command today. */
export function knownNo(known: Known, given: Case, grammar: Grammar): Understood {
  const result = known.code === 'PARSE-MISSING' || known.code === 'PARSE-AMBIGUOUS' ? 'ask' : 'refuse'
  const choices = known.instead === undefined ? [] : insteadOf(known.instead, given, grammar)
  if (isNo(choices)) return result === 'ask' ? choices : plainNo(known.code, known.sentence)
  return plainNo(known.code, known.sentence, choices, result)
}

/** The same nodes with the words of a command that exists, once for each ending. */
function insteadOf(instead: NonNullable<Known['instead']>, given: Case, grammar: Grammar): readonly Choice[] | No {
  const command = grammar.changes.get(instead.command)
  const named = namedCluster(given.sentence, given.captures, given.body)
  if (command === undefined || isNo(named)) return isNo(named) ? named : []
  const targets = targetsOf(command, given, named.cluster)
  if (isNo(targets)) return targets
  const { nodes, cluster } = targets.args
  if (!Array.isArray(nodes)) return []
  const sentence = `${given.body.prefix}${instead.command} ${nodes.join(', ')}${typeof cluster === 'string' ? ` on ${cluster}` : ''}`
  return instead.endings.map((e) => ({ label: e.label, text: `${sentence} ${e.words}`.trim() }))
}

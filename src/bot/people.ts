import type { PersonConfig } from '../config.ts'
import { type Refusal, refuse } from '../errors.ts'
import type { ChatName, Incoming } from './chat.ts'

/**
 * Chat identity -> exactly one configured person, or the reason why nobody. On the console the identity is the person's own name.
 * A guest or somebody of another workspace is nobody, configured or not.
 */
export function findPerson(
  people: readonly PersonConfig[],
  chat: ChatName,
  user: string,
  outsider?: Incoming['outsider'],
): PersonConfig | Refusal {
  if (outsider !== undefined) return refuse('PERSON-OUTSIDER')
  const found = people.filter((p) => (chat === 'console' ? p.name : p[chat]) === user)
  const [only] = found
  if (only === undefined) return refuse('PERSON-UNKNOWN')
  return found.length === 1
    ? only
    : refuse('PERSON-AMBIGUOUS', `${found.map((p) => p.name).join(' and ')} have the same ${chat} identity.`)
}

/** A person's identity on a platform, to mention them or to write to them; undefined when they are not there. */
export const identityOf = (people: readonly PersonConfig[], chat: ChatName, name: string): string | undefined => {
  const person = people.find((p) => p.name === name)
  return chat === 'console' ? person?.name : person?.[chat]
}

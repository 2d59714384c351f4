import type { TicketFact } from '../systems/facts/port.ts'
import { deny, need } from './facts.ts'
import type { Policy } from './policy.ts'

const RULE = 'the ticket exists and is open'

/** A request with a ticket: it must exist and be open. Unreadable is a no only where a rule requires a ticket (rules.ts says so by `needs.ticket`). */
export const ticket: Policy = {
  name: RULE,
  decide: (request) => {
    if (request.risk === 'read' || request.ticket === undefined) return undefined
    const fact = need<TicketFact>(RULE, request, 'ticket')
    if ('no' in fact)
      return request.facts['ticket'] !== undefined && request.risk !== 'destructive' ? undefined : fact.no
    if (!fact.value.exists) return deny(RULE, 'TICKET-UNKNOWN', `there is no ticket #${request.ticket}`)
    return fact.value.open ? undefined : deny(RULE, 'TICKET-CLOSED', `ticket #${request.ticket} is closed`)
  },
}

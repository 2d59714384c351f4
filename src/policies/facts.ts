import type { Code } from '../errors.ts'
import type { Decision, FactReading, Request } from './policy.ts'

/** A safety rule's no. */
export const deny = (rule: string, code: Code, reason: string, help?: string): Decision => ({
  kind: 'deny',
  code,
  reason,
  rules: [rule],
  ...(help === undefined ? {} : { help }),
})

/** The value of a fact, or the decision that says why there is none: a fact a rule needs and cannot have is a no. */
export function need<T>(
  rule: string,
  request: Request,
  name: string,
): { readonly value: T } | { readonly no: Decision } {
  // the readings come from systems/facts, whose port gives each name its type
  const reading = request.facts[name] as FactReading<T> | undefined
  if (reading === undefined)
    return {
      no: deny(
        rule,
        'POLICY-FACT',
        `${request.command} does not say how to read the fact "${name}", which this rule needs`,
      ),
    }
  return reading.ok
    ? { value: reading.value }
    : { no: deny(rule, 'POLICY-FACT', `the fact "${name}" cannot be read: ${reading.why}`) }
}

export const disturbs = (request: Request): boolean => request.risk === 'disruptive' || request.risk === 'destructive'

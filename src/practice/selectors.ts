import { badRequest } from './failure.ts'
import { isObject, type Json, listAt, textAt, textsAt } from './json.ts'
import { type Kube, nodeOf, phaseOf } from './object.ts'

export type Matches = (object: Kube) => boolean
type Labels = Readonly<Record<string, string>>

const NAME = '[A-Za-z0-9][A-Za-z0-9./_-]*'
const SET = new RegExp(`^(${NAME})\\s+(in|notin)\\s*\\(([^()]*)\\)$`)
const EQUALS = new RegExp(`^(${NAME})\\s*(==|=|!=)\\s*([A-Za-z0-9._-]*)$`)
const EXISTS = new RegExp(`^(!?)\\s*(${NAME})$`)

function requirement(text: string): (labels: Labels) => boolean {
  const set = SET.exec(text)
  if (set) {
    const [, key = '', operator, list = ''] = set
    const values = list.split(',').map((value) => value.trim())
    const within = (labels: Labels) => labels[key] !== undefined && values.includes(labels[key])
    return operator === 'in' ? within : (labels) => !within(labels)
  }
  const equals = EQUALS.exec(text)
  if (equals) {
    const [, key = '', operator, value] = equals
    return operator === '!=' ? (labels) => labels[key] !== value : (labels) => labels[key] === value
  }
  const exists = EXISTS.exec(text)
  if (!exists) throw badRequest(`unable to parse requirement: ${text}`)
  const [, not, key = ''] = exists
  return (labels) => (labels[key] !== undefined) === (not === '')
}

/** labels.Parse of apimachinery: `a=b,c!=d,e in (f,g),h,!i`. Throws Failure 400. */
export function labelSelector(text: string): Matches {
  const parts = text.match(/[^,(]*(?:\([^()]*\))?[^,(]*/g)?.filter((part) => part.trim() !== '') ?? []
  const all = parts.map((part) => requirement(part.trim()))
  return (object) => all.every((matches) => matches(object.metadata.labels ?? {}))
}

/** The field a field selector may name: those of pods, and the two of every kind. */
function field(object: Kube, path: string): string | undefined {
  if (path === 'metadata.name') return object.metadata.name
  if (path === 'metadata.namespace') return object.metadata.namespace ?? ''
  if (object.kind === 'Pod' && path === 'spec.nodeName') return nodeOf(object) ?? ''
  if (object.kind === 'Pod' && path === 'status.phase') return phaseOf(object)
  if (object.kind === 'Node' && path === 'spec.unschedulable') return String(object.spec?.['unschedulable'] === true)
  if (object.kind === 'Event' && path.startsWith('involvedObject.')) return textAt(object.spec, path)
  return undefined
}

/** `spec.nodeName=server23,status.phase!=Failed`. A field the kind does not offer is Failure 400, as upstream. */
export function fieldSelector(text: string, kind: string): Matches {
  const terms = text
    .split(',')
    .filter((part) => part !== '')
    .map((part) => /^([A-Za-z.]+)(==|=|!=)(.*)$/.exec(part) ?? part)
  return (object) =>
    terms.every((term) => {
      if (typeof term === 'string') throw badRequest(`invalid field selector: ${term}`)
      const found = field(object, term[1] ?? '')
      if (found === undefined && kind !== 'Event') throw badRequest(`field label not supported: ${term[1] ?? ''}`)
      return (found === term[3]) === (term[2] !== '!=')
    })
}

/** metav1.LabelSelector; absent selects nothing, empty everything. */
export function selected(selector: Json | undefined, labels: Labels): boolean {
  if (!isObject(selector)) return false
  if (!Object.entries(textsAt(selector, 'matchLabels')).every(([key, value]) => labels[key] === value)) return false
  return listAt(selector, 'matchExpressions').every((one) => {
    const value = labels[textAt(one, 'key') ?? '']
    const values = listAt(one, 'values')
    switch (textAt(one, 'operator')) {
      case 'In':
        return value !== undefined && values.includes(value)
      case 'NotIn':
        return value === undefined || !values.includes(value)
      case 'Exists':
        return value !== undefined
      default:
        return value === undefined
    }
  })
}

import { humanSpan } from '../duration.ts'
import type { Code } from '../errors.ts'
import type { DrainOptions, Sorted } from './drain-filters.ts'
import type { EvictionEnd } from './eviction-loop.ts'
import type { Flight } from './eviction-state.ts'
import type { Choice, Gate } from './step.ts'
import { budgetsOf, pdbName, type Survey } from './survey.ts'

const WAIT_MS = 30 * 60_000
type OfNode = { readonly cluster: string; readonly node: { readonly name: string } }

const abort: Choice = { word: 'abort', label: 'Abort and uncordon', risk: 'change', effect: 'abort-undo' }

/** kubectl's text for a pod that did not make it in time (DR-44). */
function lateText({ pod, phase, why }: Readonly<Flight>, options: DrainOptions): string {
  if (phase === 'terminating')
    return `error when waiting for pod "${pod.name}" in namespace "${pod.namespace}" to terminate: context deadline exceeded`
  const text = `error when evicting pods/"${pod.name}" -n "${pod.namespace}": global timeout reached: ${humanSpan(options.timeoutMs)}`
  return why === undefined ? text : `${text} (${why})`
}

/** The time is up: wait longer, show the budgets, delete without asking them, or give up. */
export function timeoutGate(
  of: OfNode,
  options: DrainOptions,
  end: EvictionEnd,
  { pdbs }: Survey,
  step: { readonly id: string; readonly chosen: Readonly<Record<string, unknown>>; readonly withinMs: number },
): Gate {
  const left = end.flights.filter(({ phase }) => phase !== 'gone')
  const budgets = pdbs.filter((pdb) =>
    left.some(({ pod, phase }) => phase !== 'terminating' && budgetsOf(pod, pdbs).includes(pdb)),
  )
  const names = budgets.map(pdbName)
  const shown = budgets.map(
    (pdb) =>
      `PDB ${pdbName(pdb)}: needs ${pdb.desiredHealthy} healthy, has ${pdb.currentHealthy}, lets ${pdb.disruptionsAllowed} go`,
  )
  const changed = (more: Readonly<Record<string, unknown>>) => ({ [step.id]: { ...step.chosen, ...more } })
  const force = names.length === 0 ? 'Force via delete' : `Force via delete, against ${names.join(', ')}`
  return {
    kind: 'gate',
    code: 'DRAIN-TIMEOUT',
    text: `${left.length} of ${end.flights.length} pods are still on ${of.node.name} after ${humanSpan(options.timeoutMs)}. There are pending pods in node "${of.node.name}". It stays cordoned.`,
    details: [...left.map((flight) => lateText(flight, options)), ...shown],
    choices: [
      {
        word: 'wait',
        label: 'Wait 30 min more',
        risk: 'disruptive',
        args: changed({ timeoutMs: WAIT_MS }),
        effect: 'again',
      },
      ...(names.length === 0 ? [] : [{ word: 'pdb', label: 'Show PDB', risk: 'read', effect: 'show' } as const]),
      {
        word: 'force',
        label: force,
        risk: 'destructive',
        args: changed({ disableEviction: true }),
        effect: 'again',
      },
      abort,
    ],
    withinMs: step.withinMs,
  }
}

const again: Choice = { word: 'again', label: 'Look again', risk: 'disruptive', effect: 'again' }
const CODES: readonly (readonly [Sorted['by'], Code])[] = [
  ['local-storage', 'DRAIN-LOCAL'],
  ['unmanaged', 'DRAIN-UNMANAGED'],
]

/** A fatal filter strikes at the start, not when planning: nothing of this node has been evicted (DR-12). */
export function blockedGate(of: OfNode, sorted: readonly Sorted[], texts: readonly string[], withinMs: number): Gate {
  const by = new Set(sorted.filter(({ does }) => does === 'fatal').map((one) => one.by))
  return {
    kind: 'gate',
    code: CODES.find(([filter]) => by.has(filter))?.[1] ?? 'DRAIN-DAEMONSET',
    text: `${of.node.name} has pods that may not be evicted like this. Nothing was evicted there.`,
    details: texts,
    choices: [again, abort],
    withinMs,
  }
}

/** DR-60: pods of a class that no plan has shown came to the node since. `again` plans anew, and asks about what grew. */
export function grownGate(
  of: OfNode,
  more: readonly { readonly key: string; readonly object: string }[],
  withinMs: number,
): Gate {
  return {
    kind: 'gate',
    code: 'PLAN-GREW',
    text: `${of.node.name} has pods that were not in the plan. Nothing was evicted there.`,
    details: more.map(({ object, key }) => `new: ${object} (${key})`),
    choices: [{ ...again, label: 'Plan again and ask' }, abort],
    withinMs,
  }
}

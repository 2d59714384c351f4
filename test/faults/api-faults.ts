import type { Asked, KubeFront, Way } from '../lab/kube/front.ts'

/** What an API server in trouble does, and when in a drain it begins. */
export const FAULTS = [
  '429 with Retry-After',
  '429 without',
  '500',
  '503',
  'reset',
  'half-open',
  'expired watch',
  'outage',
  'slow answers',
] as const
export type Fault = (typeof FAULTS)[number]
export const PHASES = ['planning', 'cordon', 'evictions', 'waiting', 'verify'] as const
export type Phase = (typeof PHASES)[number]
export type Scenario = { readonly fault: Fault; readonly phase: Phase }

/** There is nothing that could expire before the pods are watched. */
const isPossible = ({ fault, phase }: Scenario): boolean =>
  fault !== 'expired watch' || phase === 'evictions' || phase === 'waiting'
export const SCENARIOS: readonly Scenario[] = FAULTS.flatMap((fault) =>
  PHASES.map((phase) => ({ fault, phase })).filter(isPossible),
)

/** Every fault once and every phase at least once, by a seed. */
export function sample(seed: number): readonly Scenario[] {
  return FAULTS.map((fault, i) => {
    const of = SCENARIOS.filter((one) => one.fault === fault)
    const phase = PHASES[(i + seed) % PHASES.length]
    return of.find((one) => one.phase === phase) ?? of[(i + seed) % of.length] ?? { fault, phase: 'waiting' }
  })
}

const status = (
  code: number,
  reason: string,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): Way => ({
  status: code,
  headers,
  body: JSON.stringify({ kind: 'Status', apiVersion: 'v1', status: 'Failure', reason, message, code }),
})
const BUSY = 'Too many requests, please try again later.'
const expired = JSON.stringify({ code: 410, kind: 'Status', reason: 'Expired', message: 'too old resource version: 1' })
/** As a status, and as the first line of a stream: servers do both. */
const EXPIRED: readonly Way[] = [
  { status: 410, body: expired },
  { status: 200, body: `${JSON.stringify({ type: 'ERROR', object: JSON.parse(expired) })}\n` },
]
/** Whatever version a kind is watched from first is too old, and stays so: it helps only to list again. */
function expiry(): (asked: Asked) => Way {
  const tooOld = new Map<string, number>()
  let answers = 0
  return ({ path, watch }) => {
    const { pathname, searchParams } = new URL(path, 'https://x')
    const version = Number(searchParams.get('resourceVersion'))
    if (!watch || version > (tooOld.get(pathname) ?? version)) return 'pass'
    tooOld.set(pathname, version)
    return EXPIRED[answers++ % EXPIRED.length] ?? 'pass'
  }
}

/** Changes are carried out and only their answers are lost: the worst of it. */
const wayOf = (fault: Fault, { method }: Asked, slowMs: number): Way => {
  switch (fault) {
    case '429 with Retry-After':
      return status(429, 'TooManyRequests', BUSY, { 'retry-after': '1' })
    case '429 without':
      return status(429, 'TooManyRequests', BUSY)
    case '500':
      return status(500, 'InternalError', 'etcdserver: request timed out')
    case '503':
      return status(503, 'ServiceUnavailable', 'the server is currently unable to handle the request')
    case 'reset':
      return method === 'GET' ? 'reset' : 'lost'
    case 'half-open':
      return method === 'GET' ? 'hang' : 'mute'
    case 'slow answers':
      return { delayMs: slowMs }
    default:
      return 'pass'
  }
}

/** While it lasts nothing of the server can be known, so the card has to say so. */
export const isSilence = ({ fault }: Scenario): boolean => fault !== 'expired watch' && fault !== 'slow answers'

export type Stage = {
  readonly begun: Promise<void>
  readonly isOn: () => boolean
  readonly end: () => Promise<void>
}

const isEviction = ({ method, path }: Asked): boolean => method === 'POST' && path.endsWith('/eviction')

/** Lets the fault begin where its phase does; `end` ends it. `pods`: how many are to be evicted from the node. */
export function stage(
  front: KubeFront,
  { fault, phase }: Scenario,
  { node, pods, slowMs }: { readonly node: string; readonly pods: number; readonly slowMs: number },
): Stage {
  const evicted = new Set<string>()
  let asked = 0
  let on = false
  let over = false
  const begun = Promise.withResolvers<void>()
  const expire = expiry()
  const begin = (): void => {
    if (on || over) return
    on = true
    begun.resolve()
    if (fault === 'outage') void front.cut()
    else if (fault === 'half-open') front.freezeWatches()
    else front.endWatches()
  }
  const starts: Readonly<Record<Phase, (asked: Asked) => boolean>> = {
    planning: () => true,
    cordon: ({ method, path }) => method === 'PATCH' && path.startsWith(`/api/v1/nodes/${node}?`),
    evictions: (one) => isEviction(one) && ++asked === 3,
    waiting: () => false,
    verify: ({ method, path }) => method === 'GET' && path === `/api/v1/nodes/${node}` && evicted.size === pods,
  }
  front.decide((one) => {
    if (!on && !over && starts[phase](one)) begin()
    if (!on) return 'pass'
    if (fault === 'outage') return 'reset'
    if (fault === 'expired watch') return expire(one)
    return wayOf(fault, one, slowMs)
  })
  front.onAnswer((one, code) => {
    if (!isEviction(one) || code !== 201) return
    evicted.add(one.path)
    if (phase === 'waiting' && evicted.size === pods) begin()
  })
  return {
    begun: begun.promise,
    isOn: () => on,
    end: async () => {
      on = false
      over = true
      if (fault === 'outage') await front.restore()
    },
  }
}

import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { within } from '../duration.ts'
import { isRefusal, type Refusal, SluiceError } from '../errors.ts'
import type { Log } from '../log.ts'
import { keys } from '../store/keys.ts'
import { kept } from '../store/script.ts'
import type { Store } from '../store/store.ts'
import type { Cluster, LeaseAnswer } from '../systems/kubernetes/port.ts'

/** One job's hold on its cluster. */
export type Hold = {
  /**
   * Resolves when this installation surely has the cluster's Lease, at once while it is known. Throws CLUSTER-HELD while another one has it,
   * K8S-* when that cannot be known, the signal's reason.
   */
  readonly check: (signal: AbortSignal) => Promise<void>
  /** The job does nothing there any more. After the last one the Lease is given back, or runs out. */
  readonly leave: () => void
}
export type Guard = {
  readonly enter: (cluster: string, job: string) => Hold
  /** Resolves when nothing is being given back any more. */
  readonly close: () => Promise<void>
}
export type GuardDeps = {
  readonly store: Store
  /** The cluster as the bot itself speaks to it. */
  readonly cluster: (name: string) => Cluster | Refusal
  readonly log: Log
  /** Of the Lease in kube-system; default `sluice`. Tests that share a cluster have one each. */
  readonly lease?: string | undefined
  readonly durationMs?: number
}

/** Long, because it is for people who run two bots by mistake, and because an API server in trouble must not end it. */
const DURATION_MS = 30_000
/** Not worth a longer wait: it runs out by itself. */
const GIVE_BACK_MS = 3_000
const NAMESPACE = 'kube-system'
const KEY = 'sluice.ungleich.ch/lease-'

/** The first to ask makes the name; it is written again each time, because a kept script has to write. */
const INSTALLATION = kept(`
local id = redis.call('GET', KEYS[1]) or ARGV[1]
redis.call('SET', KEYS[1], id)
return id`)

const installationOf = async ({ redis }: Store): Promise<string> =>
  String(await INSTALLATION(redis, [keys.installation], [`sluice-${randomUUID()}`]))

/** What this process has of one cluster's Lease. */
type Site = { readonly jobs: Set<string>; untilMs: number; renewal?: NodeJS.Timeout | undefined }

function heldBy(lease: string, cluster: string, answer: Extract<LeaseAnswer, { kind: 'other' }>): SluiceError {
  const { holder, annotations } = answer
  const about = ['job', 'host'].flatMap((what) => {
    const said = annotations[`${KEY}${what}`]
    return said === undefined ? [] : [`${what} ${said}`]
  })
  const who = [holder, ...about].join(', ')
  // no times: the card would be drawn anew with each look
  const text = `the Lease ${NAMESPACE}/${lease} of ${cluster} is held by ${who}`
  return new SluiceError('CLUSTER-HELD', `taking ${cluster} for this installation of Sluice`, { text })
}

/**
 * Against a second bot with another Redis, whose lock table is another one: before a job's first change there, and while jobs run, the cluster
 * carries a Lease with the name of this installation. All replicas of one Redis are one holder. It is checked at each safe point, so a process that was stopped
 * for longer than the Lease lasts asks before it does anything.
 */
export function openGuard(deps: GuardDeps): Guard {
  const sites = new Map<string, Site>()
  const leaving = new Set<Promise<void>>()
  const calls = leaseOf(deps)
  const enter = (name: string, job: string): Hold => {
    const site = sites.get(name) ?? { jobs: new Set(), untilMs: 0 }
    sites.set(name, site)
    site.jobs.add(job)
    return {
      check: async (signal) => {
        if (performance.now() < site.untilMs) return
        await calls.take(name, site, signal)
        calls.keepRenewing(name, site)
      },
      leave: () => {
        site.jobs.delete(job)
        if (site.jobs.size > 0 || site.untilMs === 0) return
        clearTimeout(site.renewal)
        // whoever comes next writes it again, and then the version that is given back is an old one
        Object.assign(site, { untilMs: 0, renewal: undefined })
        const giving = calls.giveBack(name).finally(() => leaving.delete(giving))
        leaving.add(giving)
      },
    }
  }
  return { enter, close: async () => void (await Promise.all(leaving)) }
}

function leaseOf({ store, log, lease = 'sluice', durationMs = DURATION_MS, ...deps }: GuardDeps) {
  let installation: string | undefined
  const clusterOf = (name: string): Cluster => {
    const cluster = deps.cluster(name)
    if (isRefusal(cluster)) throw new SluiceError(cluster.code, `taking ${name}`, cluster)
    return cluster
  }
  const take = async (name: string, site: Site, signal?: AbortSignal): Promise<void> => {
    installation ??= await installationOf(store)
    const wanted = {
      namespace: NAMESPACE,
      name: lease,
      holder: installation,
      durationMs,
      annotations: { [`${KEY}job`]: [...site.jobs].join(' '), [`${KEY}host`]: hostname() },
    }
    const answer = await clusterOf(name).holdLease(wanted, signal === undefined ? {} : { signal })
    if (answer.kind === 'other') throw heldBy(lease, name, answer)
    if (site.jobs.size > 0) site.untilMs = answer.untilMs
  }
  /** While jobs run there. A renewal that fails is not their trouble until the Lease may have run out. */
  const keepRenewing = (name: string, site: Site): void => {
    if (site.renewal !== undefined || site.jobs.size === 0) return
    const renew = (): void =>
      void take(name, site)
        .catch((error: unknown) => log.debug({ cluster: name, err: String(error) }, 'the Lease was not renewed'))
        .finally(() => {
          site.renewal = undefined
          keepRenewing(name, site)
        })
    site.renewal = setTimeout(renew, durationMs / 3).unref()
  }
  /** Unless a job of another replica runs: it may be there. A job is running in the store before it asks for the Lease. */
  const giveBack = async (name: string): Promise<void> => {
    const call = { signal: within(GIVE_BACK_MS) }
    try {
      const cluster = clusterOf(name)
      const seen = await cluster.lease(NAMESPACE, lease, call)
      if (seen === undefined || seen.holder !== installation) return
      if ((await store.redis.zcard(keys.jobsIn('running'))) > 0) return
      await cluster.freeLease(NAMESPACE, lease, seen.resourceVersion, call)
    } catch (error) {
      log.debug({ cluster: name, err: String(error) }, 'the Lease runs out by itself')
    }
  }
  return { take, keepRenewing, giveBack }
}

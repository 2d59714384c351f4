import { accessOf } from './access.ts'
import type { ChangeCommand, Command } from './commands/command.ts'
import { changesOf, COMMANDS } from './commands/registry.ts'
import type { Config } from './config.ts'
import { digestOf } from './jobs/audit-chain.ts'
import { canonical } from './jobs/plan.ts'
import { type LiveInventory, liveInventory } from './inventory.ts'
import type { Parts } from './main.ts'
import { openPinned, type Pinned } from './pinned.ts'
import { makeDecide, safetyRules } from './policies/index.ts'
import type { Decide } from './policies/policy.ts'
import { rulesPolicy } from './policies/rules.ts'
import { unused } from './policies/unused.ts'
import { makeReadFacts } from './systems/facts/adapter.ts'
import type { ReadFacts } from './systems/facts/port.ts'
import { openPool, type Pool } from './systems/kubernetes/pool.ts'

/** What the bot has of the world outside: clusters, names, facts, and what policies say of a request. */
export type Systems = {
  readonly commands: readonly Command[]
  readonly changes: ReadonlyMap<string, ChangeCommand>
  readonly pool: Pool
  readonly pinned: Pinned
  readonly inventory: LiveInventory
  readonly decide: Decide
  /** Digest of the rules that are loaded and of the safety rules' names. */
  readonly policyVersion: () => string
  readonly readFacts: ReadFacts
}

/** Opens nothing yet: connections are made when they are first needed. */
export function openSystems({ config, clock, log, tickets, env, store, commands = COMMANDS }: Parts): Systems {
  const pinned = openPinned(config, store)
  const pool = openPool(accessOf(config, env), { requestTimeoutMs: config().limits.clusterRequestMs, clock })
  const versions = new WeakMap<Config['rules'], string>()
  const unusedNames = config().clusters.flatMap((c) => (c.state === 'unused' ? [c.name] : []))
  return {
    commands,
    changes: changesOf(commands),
    pool,
    pinned,
    inventory: liveInventory(
      () => config().clusters,
      () => config().people,
      (name) => pool.get(name, 'sluice'),
      log,
    ),
    decide: (request) =>
      makeDecide([rulesPolicy(config().rules), unused(unusedNames), ...safetyRules], (policy, error) =>
        log.error({ policy }, `policy failed: ${error instanceof Error ? error.message : String(error)}`),
      )(request),
    policyVersion: () => {
      const { rules } = config()
      const version =
        versions.get(rules) ?? digestOf(canonical([rules, unusedNames, safetyRules.map(({ name }) => name)]))
      versions.set(rules, version)
      return version
    },
    readFacts: makeReadFacts({
      cluster: async (name) => pool.get(name, 'sluice'),
      ...(tickets === undefined ? {} : { tickets }),
      pinnedUid: pinned.uidOf,
    }),
  }
}

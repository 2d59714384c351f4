import { type Config, readSecret } from './config.ts'
import { type Refusal, refuse } from './errors.ts'
import type { Asking, RequestContext } from './jobs/deps.ts'
import type { Access } from './systems/kubernetes/pool.ts'

/** A cluster's credentials with their references resolved, made once per configuration: the pool sees a change by identity. */
export function accessOf(config: () => Config, env: NodeJS.ProcessEnv): (name: string) => Access | undefined {
  const known = new WeakMap<object, Access>()
  return (name) => {
    const c = config().clusters.find((x) => x.name === name)
    if (c === undefined) return undefined
    const made = known.get(c) ?? { name, impersonate: c.impersonate, state: c.state, ...credentialsOf(c, env) }
    known.set(c, made)
    return made
  }
}

function credentialsOf(
  { credentials }: Config['clusters'][number],
  env: NodeJS.ProcessEnv,
): Pick<Access, 'credentials'> {
  if (credentials === undefined) return {}
  const given =
    'kubeconfig' in credentials
      ? credentials
      : { ...credentials, token: readSecret(credentials.token, env), ca: readSecret(credentials.ca, env) }
  // the same two forms with references replaced by values; zod's optional keys are never present as undefined
  return { credentials: given as NonNullable<Access['credentials']> }
}

/** Who the asker is to this cluster, and who else there is: asked again at every decision. */
export function contextOf(config: Config, asking: Asking, clusterName: string | undefined): RequestContext | Refusal {
  const person = config.people.find((p) => p.name === asking.by)
  if (person === undefined) return refuse('PERSON-UNKNOWN', `${asking.by} is not configured (any more).`)
  const cluster = config.clusters.find((c) => c.name === (clusterName ?? asking.args['cluster']))
  return {
    person,
    people: config.people,
    maintains: cluster?.maintainers.includes(person.name) ?? false,
    ...(cluster === undefined
      ? {}
      : { cluster: { name: cluster.name, type: cluster.type, maintainers: cluster.maintainers } }),
  }
}

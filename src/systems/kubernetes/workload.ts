import { controllerOf } from './mapping.ts'
import type { Owner, Workload } from './port.ts'
import type { Session } from './session.ts'
import { orMissing } from './status.ts'

type Found = { readonly workload: Workload; readonly above?: Owner }
type Read = (
  session: Session,
  namespace: string,
  name: string,
  options: ReturnType<Session['options']>,
) => Promise<Found>
type Wire = { metadata?: Parameters<typeof controllerOf>[0] & { name?: string; uid?: string } }

function found(
  kind: string,
  namespace: string,
  object: Wire,
  replicas: number | undefined,
  readyReplicas: number | undefined,
): Found {
  const above = controllerOf(object.metadata)
  const workload = {
    kind,
    namespace,
    name: object.metadata?.name ?? '',
    uid: object.metadata?.uid ?? '',
    replicas: replicas ?? 1,
    readyReplicas: readyReplicas ?? 0,
  }
  return above === undefined ? { workload } : { workload, above }
}

const READERS: Readonly<Record<string, Read>> = {
  'apps/v1 ReplicaSet': async ({ apps }, namespace, name, options) => {
    const set = await apps.readNamespacedReplicaSet({ namespace, name }, options)
    return found('ReplicaSet', namespace, set, set.spec?.replicas, set.status?.readyReplicas)
  },
  'apps/v1 Deployment': async ({ apps }, namespace, name, options) => {
    const deployment = await apps.readNamespacedDeployment({ namespace, name }, options)
    return found('Deployment', namespace, deployment, deployment.spec?.replicas, deployment.status?.readyReplicas)
  },
  'apps/v1 StatefulSet': async ({ apps }, namespace, name, options) => {
    const set = await apps.readNamespacedStatefulSet({ namespace, name }, options)
    return found('StatefulSet', namespace, set, set.spec?.replicas, set.status?.readyReplicas)
  },
  'apps/v1 DaemonSet': async ({ apps }, namespace, name, options) => {
    const set = await apps.readNamespacedDaemonSet({ namespace, name }, options)
    return found('DaemonSet', namespace, set, set.status?.desiredNumberScheduled, set.status?.numberReady)
  },
  'v1 ReplicationController': async ({ core }, namespace, name, options) => {
    const controller = await core.readNamespacedReplicationController({ namespace, name }, options)
    return found(
      'ReplicationController',
      namespace,
      controller,
      controller.spec?.replicas,
      controller.status?.readyReplicas,
    )
  },
  'batch/v1 Job': async ({ batch }, namespace, name, options) => {
    const job = await batch.readNamespacedJob({ namespace, name }, options)
    return found('Job', namespace, job, job.spec?.parallelism, job.status?.ready)
  },
  'batch/v1 CronJob': async ({ batch }, namespace, name, options) => {
    const job = await batch.readNamespacedCronJob({ namespace, name }, options)
    return found('CronJob', namespace, job, 1, job.status?.active?.length)
  },
}

const MOST_LEVELS = 3

/** Follows controllers upwards. Stops below an owner of a kind Sluice does not know; undefined when the first is unknown, gone or another. */
export async function workloadOf(
  session: Session,
  namespace: string,
  owner: Owner,
  signal: AbortSignal | undefined,
): Promise<Workload | undefined> {
  let top: Workload | undefined
  let next: Owner | undefined = owner
  for (let level = 0; level < MOST_LEVELS && next !== undefined; level++) {
    const read: Read | undefined = READERS[`${next.apiVersion} ${next.kind}`]
    if (read === undefined) return top
    const doing: string = `reading the ${next.kind} ${namespace}/${next.name}`
    const one: Found | undefined = await orMissing(read(session, namespace, next.name, session.options(doing, signal)))
    // An object of the same name with another uid is not the owner.
    if (one === undefined || one.workload.uid !== next.uid) return top
    top = one.workload
    next = one.above
  }
  return top
}

import { test } from 'vitest'
import { makeWorld, type World } from './dr-world.ts'
import { type Any, type Raw, type Tamper, until } from './kube-raw.ts'

type Options = { readonly tamper?: Tamper; readonly rewrite?: (path: string) => string }

/** One row of the table of kubectl drain's behaviour, in a namespace and on nodes of its own. */
export function row(
  raw: Raw,
  number: string,
  title: string,
  body: (world: World) => Promise<void>,
  options: Options = {},
): void {
  test.concurrent(`${number} ${title}`, async () => {
    const world = await makeWorld(
      raw,
      number.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-'),
      options.tamper,
      options.rewrite,
    )
    try {
      await body(world)
    } finally {
      await world.close()
    }
  })
}

export const status = (code: number, message: string, more: Any = {}): { status: number; body: object } => ({
  status: code,
  body: { kind: 'Status', apiVersion: 'v1', status: 'Failure', code, message, ...more },
})

const daemonSet = (name: string, finalizers: readonly string[]): Any => ({
  apiVersion: 'apps/v1',
  kind: 'DaemonSet',
  metadata: { name, finalizers },
  spec: {
    selector: { matchLabels: { ds: name } },
    template: {
      metadata: { labels: { ds: name } },
      spec: { nodeSelector: { no: 'node' }, containers: [{ name: 'c', image: 'registry.example/c:1' }] },
    },
  },
})

/**
 * A DaemonSet that its controller leaves alone (it is being deleted and held by a finalizer), and the owner reference of its pods.
 * Both who could take that reference away must have seen the deletion first: the garbage collector (its `orphan` finalizer goes)
 * and the DaemonSet controller, which sees the sets in order: one made later has been observed.
 */
export async function heldDaemonSet({ raw, ns }: World, name: string): Promise<Any> {
  const path = `/apis/apps/v1/namespaces/${ns}/daemonsets`
  const made = await raw.create(path, daemonSet(name, ['kubelab.example/hold']))
  await raw.remove(`${path}/${name}`, { propagationPolicy: 'Orphan' })
  await raw.create(path, daemonSet(`after-${name}`, []))
  await until(`deletion of DaemonSet ${name} seen`, async () => {
    const [held, later] = await Promise.all([raw.get(`${path}/${name}`), raw.get(`${path}/after-${name}`)])
    return !held.body['metadata'].finalizers.includes('orphan') && later.body['status'].observedGeneration === 1
  })
  return { apiVersion: 'apps/v1', kind: 'DaemonSet', name, uid: made['metadata'].uid, controller: true }
}

export const EMPTY_DIR: Any = { volumes: [{ name: 'e', emptyDir: {} }] }
export const STUCK: Any = { annotations: { 'kubelab/stuck': 'true' } }
export const endsAfter = (time: string): Any => ({ annotations: { 'kubelab/term': time } })
/** Matches the label every pod of a world has: its name. */
export const only = (name: string): Any => ({ matchLabels: { app: name } })

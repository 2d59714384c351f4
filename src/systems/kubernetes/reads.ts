import { SluiceError } from '../../errors.ts'
import { timeMs, toNode, type WireNode } from './mapping.ts'
import { listAll, part } from './pods.ts'
import { type Cluster, type Labels, type Node, type NodePatch, selects } from './port.ts'
import type { Session } from './session.ts'
import { errorOf, orMissing } from './status.ts'
import { workloadOf } from './workload.ts'

function patchBody(patch: NodePatch): object {
  const { uid, resourceVersion, annotations, labels, unschedulable } = patch
  return {
    metadata: {
      // The server refuses a patch that would change either: this is what binds it to the node that was read.
      uid,
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
      ...(annotations === undefined ? {} : { annotations }),
      ...(labels === undefined ? {} : { labels }),
    },
    ...(unschedulable === undefined ? {} : { spec: { unschedulable } }),
  }
}

type Open = () => Promise<Session>

const listNodes = async (session: Open, query: Parameters<Cluster['nodes']>[0] = {}): Promise<readonly Node[]> =>
  // toNode takes every field of the API server's object as optional.
  (await listAll(await session(), 'listing nodes', '/api/v1/nodes', query, (item) => toNode(item as WireNode))).items

function serverReads(session: Open): Pick<Cluster, 'identity' | 'serverTimeMs' | 'version'> {
  const version = async (signal: AbortSignal | undefined) => {
    const doing = 'asking for the version'
    const reply = await (await session()).send({ doing, method: 'GET', path: '/version', signal })
    if (reply.status >= 300) throw errorOf(reply, doing)
    return reply
  }
  return {
    async identity(call) {
      const { core, options } = await session()
      const namespace = await core.readNamespace(
        { name: 'kube-system' },
        options('reading the namespace kube-system', call?.signal),
      )
      const uid = namespace.metadata?.uid
      if (!uid)
        throw new SluiceError('K8S-ERROR', 'reading the identity of the cluster', { text: 'kube-system has no uid' })
      return uid
    },
    async serverTimeMs(call) {
      const dateMs = Date.parse((await version(call?.signal)).headers.date ?? '')
      if (Number.isNaN(dateMs))
        throw new SluiceError('K8S-ERROR', "reading the API server's clock", { text: 'no Date header' })
      return dateMs
    },
    async version(call) {
      const said: unknown = JSON.parse((await version(call?.signal)).text)
      return typeof said === 'object' && said !== null && 'gitVersion' in said ? String(said.gitVersion) : ''
    },
  }
}

function nodeReads(session: Open): Pick<Cluster, 'nodes' | 'node' | 'patchNode' | 'lease'> {
  return {
    nodes: (query) => listNodes(session, query),
    async node(name, call) {
      const { core, options } = await session()
      const node = await orMissing(core.readNode({ name }, options(`reading the node ${name}`, call?.signal)))
      return node === undefined ? undefined : toNode(node)
    },
    async patchNode(name, patch, call) {
      const { json } = await session()
      const path = `/api/v1/nodes/${part(name)}?fieldManager=sluice${patch.dryRun === true ? '&dryRun=All' : ''}`
      const node = await json({
        doing: `patching the node ${name}`,
        method: 'PATCH',
        path,
        body: patchBody(patch),
        signal: call?.signal,
      })
      // The API server's node; toNode takes every field as optional.
      return toNode(node as WireNode)
    },
    async lease(namespace, name, call) {
      const { coordination, options } = await session()
      const found = await orMissing(
        coordination.readNamespacedLease(
          { namespace, name },
          options(`reading the lease ${namespace}/${name}`, call?.signal),
        ),
      )
      if (found === undefined) return undefined
      const { holderIdentity, renewTime } = found.spec ?? {}
      const renewedAtMs = renewTime === undefined ? undefined : timeMs(renewTime)
      return {
        resourceVersion: found.metadata?.resourceVersion ?? '',
        ...(holderIdentity === undefined ? {} : { holder: holderIdentity }),
        ...(renewedAtMs === undefined ? {} : { renewedAtMs }),
      }
    },
  }
}

function workloadReads(session: Open): Pick<Cluster, 'daemonSet' | 'workload' | 'claimPinnedTo'> {
  return {
    async daemonSet(namespace, name, call) {
      const { apps, options } = await session()
      const doing = `reading the DaemonSet ${namespace}/${name}`
      const found = await orMissing(apps.readNamespacedDaemonSet({ namespace, name }, options(doing, call?.signal)))
      return found === undefined ? undefined : { name, uid: found.metadata?.uid ?? '' }
    },
    workload: async (namespace, owner, call) => workloadOf(await session(), namespace, owner, call?.signal),
    async claimPinnedTo(namespace, claim, call) {
      const { core, options } = await session()
      const found = await orMissing(
        core.readNamespacedPersistentVolumeClaim(
          { namespace, name: claim },
          options(`reading the claim ${namespace}/${claim}`, call?.signal),
        ),
      )
      const name = found?.spec?.volumeName
      if (!name) return undefined
      const volume = await orMissing(
        core.readPersistentVolume({ name }, options(`reading the volume ${name}`, call?.signal)),
      )
      const terms = volume?.spec?.nodeAffinity?.required?.nodeSelectorTerms
      if (terms === undefined) return undefined
      const all = await listNodes(session, call?.signal === undefined ? {} : { signal: call.signal })
      return all.filter((node) => terms.some((term) => inTerm(term, node.name, node.labels))).map((node) => node.name)
    },
  }
}

function objectReads(session: Open): Pick<Cluster, 'custom' | 'configMap'> {
  return {
    async custom(group, version, plural, call) {
      const path = `/apis/${part(group)}/${part(version)}/${part(plural)}`
      const query = call?.signal === undefined ? {} : { signal: call.signal }
      return (
        (await orMissing(listAll(await session(), `listing ${plural}.${group}`, path, query, (item) => item)))?.items ??
        []
      )
    },
    async configMap(namespace, name, call) {
      const { core, options } = await session()
      const found = await orMissing(
        core.readNamespacedConfigMap(
          { namespace, name },
          options(`reading the ConfigMap ${namespace}/${name}`, call?.signal),
        ),
      )
      return found === undefined ? undefined : (found.data ?? {})
    },
  }
}

type Reads = Omit<
  Cluster,
  | 'name'
  | 'pods'
  | 'pod'
  | 'pdbs'
  | 'evict'
  | 'deletePod'
  | 'holdLease'
  | 'freeLease'
  | 'watchPods'
  | 'watchPdbs'
  | 'close'
>

export const reads = (session: Open): Reads => ({
  ...serverReads(session),
  ...nodeReads(session),
  ...workloadReads(session),
  ...objectReads(session),
})

type Requirement = { readonly key: string; readonly operator: string; readonly values?: readonly string[] }

/** A node selector term: all its expressions over labels, and metadata.name as its only field. An empty term matches nothing. */
function inTerm(
  term: { matchExpressions?: readonly Requirement[]; matchFields?: readonly Requirement[] },
  name: string,
  labels: Labels,
): boolean {
  const { matchExpressions = [], matchFields = [] } = term
  if (matchExpressions.length + matchFields.length === 0) return false
  return selects({ matchExpressions }, labels) && selects({ matchExpressions: matchFields }, { 'metadata.name': name })
}

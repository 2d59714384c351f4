import type { Json, JsonObject } from './json.ts'
import { CEPH_CLUSTERS, type Kind, KINDS } from './object.ts'

const VERBS: Json[] = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch']
const STATUS_VERBS: Json[] = ['get', 'patch', 'update']

const groupVersions = [...new Set(KINDS.filter((of) => of.group !== '').map((of) => `${of.group}/${of.version}`))]

function resources(of: Kind): JsonObject[] {
  const base = { singularName: '', namespaced: of.namespaced, kind: of.kind }
  const short: JsonObject = of.shortNames.length === 0 ? {} : { shortNames: [...of.shortNames] }
  return [
    { name: of.plural, ...base, singularName: of.kind.toLowerCase(), verbs: VERBS, ...short },
    { name: `${of.plural}/status`, ...base, verbs: STATUS_VERBS },
  ]
}

const EVICTION: JsonObject = {
  name: 'pods/eviction',
  singularName: '',
  namespaced: true,
  group: 'policy',
  version: 'v1',
  kind: 'Eviction',
  verbs: ['create'],
}

const resourceList = (groupVersion: string): JsonObject | undefined => {
  const kinds = KINDS.filter((of) => (of.group === '' ? of.version : `${of.group}/${of.version}`) === groupVersion)
  if (kinds.length === 0) return undefined
  return {
    kind: 'APIResourceList',
    apiVersion: 'v1',
    groupVersion,
    resources: [...kinds.flatMap(resources), ...(groupVersion === 'v1' ? [EVICTION] : [])],
  }
}

function group(groupVersion: string): JsonObject {
  const [name = '', version = ''] = groupVersion.split('/')
  return { name, versions: [{ groupVersion, version }], preferredVersion: { groupVersion, version } }
}

/** What the API says about itself at a path: /version, /readyz, /api, /apis and what is under them; undefined elsewhere. */
export function discovery(path: string, gitVersion: string): JsonObject | string | undefined {
  if (path === '/readyz' || path === '/livez' || path === '/healthz') return 'ok'
  if (path === '/version') {
    const [, major = '1', minor = '0'] = /^v(\d+)\.(\d+)/.exec(gitVersion) ?? []
    return { major, minor, gitVersion, gitCommit: 'practice', platform: 'linux/amd64', goVersion: 'none' }
  }
  if (path === '/api') return { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [] }
  if (path === '/apis') return { kind: 'APIGroupList', apiVersion: 'v1', groups: groupVersions.map(group) }
  if (path === '/api/v1') return resourceList('v1')
  const [, groupVersion] = /^\/apis\/([^/]+\/[^/]+)$/.exec(path) ?? []
  return groupVersion === undefined ? undefined : resourceList(groupVersion)
}

/** The CustomResourceDefinitions that the practice world pretends to have. */
export const crdOf = (of: Kind = CEPH_CLUSTERS): { name: string; spec: JsonObject } => ({
  name: `${of.plural}.${of.group}`,
  spec: {
    group: of.group,
    scope: of.namespaced ? 'Namespaced' : 'Cluster',
    names: { plural: of.plural, kind: of.kind, singular: of.kind.toLowerCase(), listKind: `${of.kind}List` },
    versions: [{ name: of.version, served: true, storage: true }],
  },
})

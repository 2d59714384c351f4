import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import ipaddr from 'ipaddr.js'
import type { InventoryCluster } from './commands/command.ts'
import { type Complaint, type Parsed, readYaml } from './config-file.ts'
import {
  type ClusterFile,
  clustersFile,
  peopleFile,
  policiesFile,
  type RuleFile,
  type SluiceFile,
  sluiceFile,
} from './config-schema.ts'
import { parseDurationMs } from './duration.ts'
import { SluiceError } from './errors.ts'
import type { Person } from './person.ts'

/** A room: one name, any number of places. */
export type Room = {
  readonly name: string
  readonly cluster?: string
  readonly clusters: readonly string[]
  readonly slack?: string
  readonly matrix?: string
}
export type ClusterConfig = InventoryCluster & {
  readonly credentials?: ClusterFile['credentials']
  readonly impersonate: boolean
  readonly uid?: string
}
export type PersonConfig = Person & { readonly slack?: string; readonly matrix?: string }
export type Rule = RuleFile
export type Limits = {
  readonly requestsPerMinute: number
  readonly oldCommandMs: number
  readonly clusterRequestMs: number
  readonly lockMs: number
  readonly stalledCheckMs: number
}

/** Valid, resolved, read-only. Handed out by main.ts. */
export type Config = Omit<SluiceFile, 'rooms' | 'limits' | 'audit'> & {
  readonly audit: { readonly keepForMs: number; readonly keepEntries: number }
  readonly dir: string
  readonly rooms: readonly Room[]
  readonly people: readonly PersonConfig[]
  readonly clusters: readonly ClusterConfig[]
  readonly rules: readonly Rule[]
  readonly limits: Limits
  /** Worth saying, not worth refusing: a node listed in two clusters. */
  readonly warnings: readonly Complaint[]
}
export type Loaded =
  | { readonly ok: true; readonly config: Config }
  | { readonly ok: false; readonly complaints: readonly Complaint[] }

type Files = {
  readonly sluice: Parsed<SluiceFile>
  readonly people: Parsed<ReturnType<typeof peopleFile.parse>>
  readonly clusters: Parsed<ReturnType<typeof clustersFile.parse>>
  readonly policies: Parsed<ReturnType<typeof policiesFile.parse>>
}

const readFiles = (dir: string): Files => ({
  sluice: readYaml(join(dir, 'sluice.yaml'), 'sluice.yaml', sluiceFile),
  people: readYaml(join(dir, 'people.yaml'), 'people.yaml', peopleFile),
  clusters: readYaml(join(dir, 'clusters.yaml'), 'clusters.yaml', clustersFile),
  policies: readYaml(join(dir, 'policies.yaml'), 'policies.yaml', policiesFile),
})

/** Reads the four files of a folder. Never throws for what is written in them: it lists every complaint. */
export function loadConfig(dir: string): Loaded {
  const files = readFiles(dir)
  const complaints = Object.values(files).flatMap((f) => f.complaints)
  const { sluice, people, clusters, policies } = files
  if (
    sluice.value === undefined ||
    people.value === undefined ||
    clusters.value === undefined ||
    policies.value === undefined
  )
    return { ok: false, complaints }
  const more = [
    ...checkPeople(files),
    ...checkClusters(files),
    ...checkRules(files),
    ...checkRooms(files),
    ...checkReportTo(files),
  ]
  if (complaints.length + more.length > 0) return { ok: false, complaints: [...complaints, ...more] }
  const { rooms, limits, audit, ...rest } = sluice.value
  return {
    ok: true,
    config: {
      ...rest,
      dir: resolve(dir),
      rooms: Object.entries(rooms).map(([name, room]) => ({
        ...drop(room),
        name,
        clusters: room.clusters ?? (room.cluster === undefined ? [] : [room.cluster]),
      })),
      people: Object.entries(people.value.people).map(([name, p]) => ({
        ...drop(p),
        name,
        timeZone: p.timeZone ?? rest.timeZone,
      })),
      clusters: clusters.value.clusters.map(toCluster),
      rules: policies.value.policies,
      limits: toLimits(limits),
      audit: { keepForMs: parseDurationMs(audit.keepFor) ?? 0, keepEntries: audit.keepEntries },
      warnings: doubleNodes(files),
    },
  }
}

/** Leaves out keys whose value is undefined, as exactOptionalPropertyTypes wants. */
type Dropped<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>
}
const drop = <T extends object>(value: T): Dropped<T> =>
  // the entries are the same but for the undefined ones: exactly what Dropped says
  Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined)) as Dropped<T>

const toLimits = (l: SluiceFile['limits']): Limits => {
  const ms = (text: string): number => parseDurationMs(text) ?? 0
  return {
    requestsPerMinute: l.requestsPerMinute,
    oldCommandMs: ms(l.oldCommand),
    clusterRequestMs: ms(l.clusterRequest),
    lockMs: ms(l.lock),
    stalledCheckMs: ms(l.stalledCheck),
  }
}

function toCluster(file: ClusterFile): ClusterConfig {
  const { argo, masters, nodes, place, fqdn, ...rest } = drop(file)
  const names = [...new Set([...nodes, ...masters])]
  const where = place ?? ''
  return {
    ...rest,
    place: where,
    fqdn: fqdn ?? `${file.name}.k8s.ooo`,
    masters,
    live: false,
    ...(argo === undefined ? {} : { argoUrl: argo }),
    nodes: names.map((n) => ({
      name: n,
      controlPlane: masters.includes(n),
      ...(where === '' || n.includes('.') ? {} : { fqdn: `${n}.${where}.ungleich.ch` }),
    })),
  }
}

function checkPeople({ people }: Files): Complaint[] {
  const entries = Object.entries(people.value?.people ?? {})
  return (['slack', 'matrix'] as const).flatMap((chat) =>
    entries.flatMap(([name, p], i) => {
      const other = entries.slice(0, i).find(([, q]) => q[chat] !== undefined && q[chat] === p[chat])
      if (other === undefined) return []
      return [
        {
          file: 'people.yaml',
          line: people.lineOf(['people', name, chat]),
          field: `people.${name}.${chat}`,
          text: `${other[0]} has the same ${chat} identity ${p[chat]}`,
        },
      ]
    }),
  )
}

function checkClusters({ clusters, people }: Files): Complaint[] {
  const known = new Set(Object.keys(people.value?.people ?? {}))
  const seen = new Map<string, string>()
  return (clusters.value?.clusters ?? []).flatMap((c, i) => {
    const at = (field: string, text: string, path: readonly PropertyKey[] = [field]): Complaint => ({
      file: 'clusters.yaml',
      line: clusters.lineOf(['clusters', i, ...path]),
      field: `${c.name}.${field}`,
      text,
    })
    const names = [c.name, c.fqdn ?? `${c.name}.k8s.ooo`, ...c.aliases]
    const double = names.flatMap((n) => (seen.has(n) ? [at('name', `${n} is also a name of ${seen.get(n)}`)] : []))
    for (const n of names) seen.set(n, c.name)
    const strangers = c.maintainers
      .filter((m) => !known.has(m))
      .map((m) => at('maintainers', `${m} is not in people.yaml`))
    const networks = Object.entries(c.networks ?? {}).flatMap(([kind, cidr]) => {
      if (!ipaddr.isValidCIDR(cidr)) return [at(`networks.${kind}`, `${cidr} is not a network`, ['networks', kind])]
      return c.ipFamily === 'ipv6' && ipaddr.parseCIDR(cidr)[0].kind() === 'ipv4'
        ? [at(`networks.${kind}`, `${cidr} is IPv4, but ${c.name} is IPv6 only`, ['networks', kind])]
        : []
    })
    return [...double, ...strangers, ...networks]
  })
}

function checkRules({ policies, people }: Files): Complaint[] {
  const groups = new Set(['maintainers', 'all', ...Object.values(people.value?.people ?? {}).flatMap((p) => p.groups)])
  return (policies.value?.policies ?? []).flatMap((rule, i) =>
    [...(rule.when.person?.in ?? []), ...(rule.needs?.from ?? [])]
      .filter((g) => !groups.has(g))
      .map((g) => ({
        file: 'policies.yaml',
        line: policies.lineOf(['policies', i]),
        field: rule.name,
        text: `nobody is in the group ${g}`,
      })),
  )
}

function checkReportTo({ sluice }: Files): Complaint[] {
  const { reportTo, rooms = {} } = sluice.value ?? {}
  if (reportTo === undefined || Object.hasOwn(rooms, reportTo)) return []
  const text = `${reportTo} is not one of the rooms`
  return [{ file: 'sluice.yaml', line: sluice.lineOf(['reportTo']), field: 'reportTo', text }]
}

function checkRooms({ sluice, clusters }: Files): Complaint[] {
  const known = new Set((clusters.value?.clusters ?? []).map((c) => c.name))
  return Object.entries(sluice.value?.rooms ?? {}).flatMap(([name, room]) =>
    [room.cluster, ...(room.clusters ?? [])].flatMap((c) =>
      c === undefined || known.has(c)
        ? []
        : [
            {
              file: 'sluice.yaml',
              line: sluice.lineOf(['rooms', name]),
              field: `rooms.${name}.cluster`,
              text: `${c} is not in clusters.yaml`,
            },
          ],
    ),
  )
}

function doubleNodes({ clusters }: Files): Complaint[] {
  const first = new Map<string, string>()
  return (clusters.value?.clusters ?? []).flatMap((c, i) =>
    [...new Set([...c.nodes, ...c.masters])].flatMap((node) => {
      const other = first.get(node)
      first.set(node, other ?? c.name)
      return other === undefined
        ? []
        : [
            {
              file: 'clusters.yaml',
              line: clusters.lineOf(['clusters', i]),
              field: `${c.name}.masters`,
              text: `${node} is listed in both ${other} and ${c.name}; a command that names only the node will ask which`,
            },
          ]
    }),
  )
}

/** `env:NAME` or `file:PATH` -> the secret. Throws SECRET-MISSING; the value never appears in the error. */
export function readSecret(reference: string, env: NodeJS.ProcessEnv): string {
  const [kind, ...rest] = reference.split(':')
  const where = rest.join(':')
  const value = kind === 'env' ? env[where] : readSecretFile(where)
  if (value === undefined || value.trim() === '')
    throw new SluiceError('SECRET-MISSING', `reading the secret ${reference}`)
  return value.trim()
}

function readSecretFile(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

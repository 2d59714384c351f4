import { z } from 'zod'
import { isTimeZone } from './duration.ts'

/** What people write in config/*.yaml. Strict: an unknown key is an error. Only config.ts turns it into a Config. */
const name = z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'a short name: lower-case letters, digits, dashes')
const secret = z
  .string()
  .regex(/^(env:[A-Za-z_]\w*|file:.+)$/, 'a reference: env:NAME or file:PATH, never the secret itself')
const groups = z.array(name).min(1, 'names no group')
const risk = z.enum(['read', 'stop', 'change', 'disruptive', 'destructive', 'secret'])
const clusterType = z.enum(['development', 'test', 'production'])
const duration = z.string().regex(/^(\d+(\.\d+)?\s*[a-z]+\s*)+$/i, 'a duration like 30m or 2h')

const timeZone = z.string().refine(isTimeZone, 'a time zone like Europe/Zurich')

const credentials = z.union([
  z.strictObject({ kubeconfig: z.string(), context: z.string().optional() }),
  z.strictObject({ server: z.url(), token: secret, ca: secret, tlsServerName: z.string().optional() }),
])

const cluster = z.strictObject({
  name,
  fqdn: z.string().optional(),
  aliases: z.array(z.string()).default([]),
  type: clusterType,
  purpose: z.string(),
  place: z.string().optional(),
  state: z.enum(['active', 'unused']).default('active'),
  maintainers: z.array(name).default([]),
  masters: z.array(z.string()).default([]),
  nodes: z.array(z.string()).default([]),
  api: z.string().optional(),
  argo: z.url().optional(),
  rook: z.boolean().default(false),
  v4Proxy: z.ipv4().optional(),
  lastVerified: z.iso.date().optional(),
  ipFamily: z.enum(['ipv6', 'dual']).default('ipv6'),
  networks: z.partialRecord(z.enum(['nodes', 'pods', 'services']), z.string()).optional(),
  credentials: credentials.optional(),
  impersonate: z.boolean().default(false),
  /** uid of the namespace kube-system, once pinned. */
  uid: z.uuid().optional(),
})

export const clustersFile = z.strictObject({ clusters: z.array(cluster) })

const person = z.strictObject({
  title: z.string(),
  groups: z.array(name).default([]),
  timeZone: timeZone.optional(),
  slack: z.string().optional(),
  matrix: z
    .string()
    .regex(/^@[^:]+:.+$/, 'a Matrix id: @name:server')
    .optional(),
})
export const peopleFile = z.strictObject({ people: z.record(name, person) })

const when = z.strictObject({
  person: z
    .strictObject({
      known: z.literal(true).optional(),
      in: groups.optional(),
      maintains: z.literal('cluster').optional(),
    })
    .optional(),
  command: z.array(z.string()).min(1).optional(),
  args: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).optional(),
  risk: z.array(risk).min(1).optional(),
  cluster: z
    .strictObject({ type: z.array(clusterType).min(1).optional(), name: z.array(name).min(1).optional() })
    .optional(),
  time: z.string().optional(),
})
const needs = z.strictObject({
  approvals: z.int().min(1),
  from: groups,
  denyCount: z.int().min(1).default(1),
  within: duration,
  ticket: z.literal('required').optional(),
  confirm: z.literal('typed').optional(),
})
const rule = z
  .strictObject({
    name: z.string(),
    when,
    allow: z.literal(true).optional(),
    deny: z.string().optional(),
    needs: needs.optional(),
  })
  .refine(
    (r) => [r.allow, r.deny, r.needs].filter((x) => x !== undefined).length === 1,
    'says exactly one of allow, deny, needs',
  )
export const policiesFile = z.strictObject({ policies: z.array(rule) })
export type RuleFile = z.output<typeof rule>

const room = z.strictObject({
  cluster: name.optional(),
  clusters: z.array(name).optional(),
  slack: z.string().optional(),
  matrix: z.string().optional(),
})
/** `host`, `host:port`, `[2001:db8::1]:port` */
const address = z
  .string()
  .regex(/^(\[[0-9a-f:.]+\]|[^\s:[\]/]+)(:\d{1,5})?$/i, 'an address: host, host:port, or [2001:db8::1]:port')
const redis = z
  .strictObject({
    url: secret.optional(),
    sentinel: z
      .strictObject({
        /** The name under which the Sentinels watch the master. */
        master: z.string().default('mymaster'),
        nodes: z.array(address).min(1),
        username: z.string().optional(),
        password: secret.optional(),
      })
      .optional(),
    cluster: z.strictObject({ nodes: z.array(address).min(1) }).optional(),
    username: z.string().optional(),
    password: secret.optional(),
    /** `true`: certificates of the system. */
    tls: z
      .union([
        z.literal(true),
        z.strictObject({
          ca: secret.optional(),
          cert: secret.optional(),
          key: secret.optional(),
          serverName: z.string().optional(),
        }),
      ])
      .optional(),
    /** Addresses as Sentinels or the Cluster announce them -> as they are reached from here. */
    natMap: z.record(address, address).optional(),
    /** `required`: nothing is accepted that no replica has. Default: behind Sentinels required, else where there is a replica. */
    replicas: z.enum(['auto', 'required']).optional(),
  })
  .refine(
    (r) => [r.url, r.sentinel, r.cluster].filter((x) => x !== undefined).length === 1,
    'says exactly one of url, sentinel, cluster',
  )
export type RedisFile = z.output<typeof redis>

export const sluiceFile = z.strictObject({
  mode: z.enum(['act', 'observe']).default('act'),
  timeZone: timeZone.default('Europe/Zurich'),
  logLevel: z.enum(['debug', 'info', 'warn', 'error']).default('warn'),
  rooms: z.record(name, room),
  /** The room that is told when a platform does not work; without it `ops`, or the first room. */
  reportTo: name.optional(),
  redis: redis.optional(),
  /** Where job cards link to tickets and back, e.g. a chat permalink prefix. */
  baseUrl: z.url().optional(),
  slack: z
    .strictObject({
      mode: z.enum(['socket', 'http']).default('socket'),
      botToken: secret,
      appToken: secret.optional(),
      signingSecret: secret.optional(),
      apiUrl: z.url().optional(),
      listen: z.strictObject({ host: z.string().default('::1'), port: z.int().min(0).max(65535) }).optional(),
    })
    .optional(),
  matrix: z
    .strictObject({
      homeserver: z.url(),
      accessToken: secret,
      userId: z.string().optional(),
      bridges: z.array(z.string()).default([]),
      /** Keys of encrypted rooms, where all replicas find them; default: in the data folder. */
      keysDir: z.string().optional(),
      /** What the homeserver takes of Sluice's messages, reactions and edits together. */
      rate: z
        .union([
          z.enum(['auto', 'none']),
          z.strictObject({ perMinute: z.number().positive().max(6_000), burst: z.int().min(1).max(1_000) }),
        ])
        .default('auto'),
    })
    .optional(),
  redmine: z.strictObject({ url: z.url(), apiKey: secret }).optional(),
  ssh: z
    .strictObject({
      user: z.string().default('root'),
      privateKey: secret,
      knownHosts: z.string(),
      stateDir: z.string().default('/var/lib/sluice'),
    })
    .optional(),
  /** How much of the audit log stays in the store; what is beyond is exported to <data>/audit first. */
  audit: z
    .strictObject({
      keepFor: duration.default('400d'),
      keepEntries: z.int().min(10).default(100_000),
    })
    .prefault({}),
  limits: z
    .strictObject({
      requestsPerMinute: z.int().default(20),
      oldCommand: duration.default('5m'),
      clusterRequest: duration.default('20s'),
      lock: duration.default('5s'),
      stalledCheck: duration.default('1s'),
    })
    .prefault({}),
})
export type SluiceFile = z.output<typeof sluiceFile>
export type ClusterFile = z.output<typeof cluster>

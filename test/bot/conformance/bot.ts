import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Chat } from '../../../src/bot/chat.ts'
import { openMoved } from '../../../src/bot/moved.ts'
import { openChats } from '../../../src/cli/run.ts'
import { type Config, loadConfig } from '../../../src/config.ts'
import { silentLog } from '../../../src/log.ts'
import { type Sluice, startSluice } from '../../../src/main.ts'
import type { Store } from '../../../src/store/store.ts'
import type { Stage } from './suite.ts'
import { type Toy, TOY_POLICIES } from './toy.ts'

export type Name = 'nico' | 'fran'
export type Setting = {
  /** Who of them is configured; amal always is, and has no chat. Default: both. */
  readonly people?: readonly Name[]
  readonly requestsPerMinute?: number
}
export type Home = {
  readonly store: Store
  readonly dir: string
  readonly stages: readonly Stage[]
  readonly toy: Toy
  readonly api: { readonly url: string; readonly uid: string }
  readonly setting: Setting
}
export type Bot = { readonly sluice: Sluice; readonly chats: readonly Chat[] }

/** The whole bot as main.ts makes it, in this process, on one or two platforms. `aheadMs`: its clock is so far ahead. */
export async function startBot(home: Home, aheadMs = 0): Promise<Bot> {
  const loaded = configOf(home)
  const moved = await openMoved(home.store)
  const config = (): Config => ({ ...loaded, rooms: moved.rooms(loaded.rooms) })
  const chats: Chat[] = []
  const sluice = await startSluice({
    config,
    store: home.store,
    clock: { now: () => Date.now() + aheadMs },
    log: silentLog,
    practice: false,
    commands: home.toy.commands,
    env: {},
    host: () => () => {
      throw new Error('the toy has no hosts')
    },
    chats: async (engine, aids) => {
      chats.push(
        ...(await openChats({ config, store: home.store, log: silentLog }, aids, moved, join(home.dir, 'matrix-keys'))),
      )
      for (const { world } of home.stages) if (world.place.chat === 'console') chats.push(await world.open(engine))
      return chats
    },
  })
  await sluice.started
  return { sluice, chats }
}

/** server53 is in both clusters, so that a sentence may lack one. */
function configOf({ dir, stages, api, setting }: Home): Config {
  const config = join(dir, 'config')
  mkdirSync(config, { recursive: true })
  const write = (name: string, content: unknown): void => writeFileSync(join(config, name), JSON.stringify(content))
  const places = stages.map(({ world }) => world).filter((world) => world.place.chat !== 'console')
  const idsOf = (name: Name) => Object.fromEntries(places.map((world) => [world.place.chat, world[name].id]))
  const person = (name: string, ids: Record<string, string>) => [name, { title: name, groups: ['operators'], ...ids }]
  const { people = ['nico', 'fran'], requestsPerMinute = 1_000 } = setting
  write('sluice.yaml', {
    ...Object.assign({}, ...stages.map(({ settings }) => settings?.(secretsIn(dir)))),
    rooms: { ops: Object.fromEntries(places.map(({ place }) => [place.chat, place.id])) },
    limits: { requestsPerMinute },
  })
  write('people.yaml', {
    people: Object.fromEntries([...people.map((name) => person(name, idsOf(name))), person('amal', {})]),
  })
  const kubeconfig = join(dir, 'kubeconfig')
  writeFileSync(kubeconfig, JSON.stringify(kubeconfigOf(api.url)))
  const cluster = (name: string, nodes: readonly string[]) => ({
    name,
    type: 'test',
    purpose: 'a toy',
    nodes: [...nodes, 'server53'],
    credentials: { kubeconfig },
    uid: api.uid,
  })
  write('clusters.yaml', {
    clusters: [cluster('p10', ['server22', 'server23', 'server24']), cluster('c2', ['server52'])],
  })
  write('policies.yaml', { policies: TOY_POLICIES })
  const loaded = loadConfig(config)
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.complaints))
  return loaded.config
}

/** Keeps a secret in a file, and says where, as people write it. */
const secretsIn =
  (dir: string) =>
  (value: string): string => {
    const path = join(dir, createHash('sha1').update(value).digest('hex'))
    writeFileSync(path, value)
    return `file:${path}`
  }

const kubeconfigOf = (server: string) => ({
  apiVersion: 'v1',
  kind: 'Config',
  'current-context': 'toy',
  clusters: [{ name: 'toy', cluster: { server, 'insecure-skip-tls-verify': true } }],
  users: [{ name: 'toy', user: { token: 'toy' } }],
  contexts: [{ name: 'toy', context: { cluster: 'toy', user: 'toy' } }],
})

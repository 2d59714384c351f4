import path from 'node:path'
import type { Chat, Place } from '../../src/bot/chat.ts'
import { type Config, loadConfig } from '../../src/config.ts'
import type { Engine } from '../../src/jobs/deps.ts'
import { silentLog } from '../../src/log.ts'
import { startSluice } from '../../src/main.ts'
import { type Message, plain } from '../../src/message.ts'
import { paperChat } from '../bot/paper-chat.ts'
import { tempStore } from '../jobs/toy.ts'

/** A node of the shared cluster behind a front of its own: to the bot each is a cluster, with a room of its own. */
export type Site = { readonly name: string; readonly node: string; readonly kubeconfig: string }
export type Shown = { readonly kind: 'post' | 'edit'; readonly text: string }
export type ApiBot = {
  readonly engine: Engine
  readonly say: (site: Site, text: string) => Promise<void>
  readonly stop: () => Promise<void>
}

function configOf(sites: readonly Site[], uid: string, clusterRequestMs: number): Config {
  const loaded = loadConfig(path.join(import.meta.dirname, '..', '..', 'config'))
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.complaints))
  const { config } = loaded
  const p10 = config.clusters.find(({ name }) => name === 'p10')
  if (p10 === undefined) throw new Error('no p10 in config/')
  return {
    ...config,
    rooms: sites.map(({ name }) => ({ name, clusters: [name], slack: `C-${name}` })),
    people: config.people.map((one) => (one.name === 'nico' ? { ...one, slack: 'U1' } : one)),
    clusters: sites.map(({ name, node, kubeconfig }) => ({
      ...p10,
      name,
      fqdn: `${name}.k8s.ooo`,
      type: 'development',
      maintainers: ['nico'],
      credentials: { kubeconfig },
      uid,
      masters: [],
      nodes: [{ name: node, controlPlane: false }],
    })),
    limits: { ...config.limits, clusterRequestMs },
  }
}

/** The whole bot on a chat of paper; `shown` is awaited with what a room is about to see. */
export async function startApiBot(
  sites: readonly Site[],
  uid: string,
  clusterRequestMs: number,
  shown: (site: Site, one: Shown) => Promise<void>,
): Promise<ApiBot> {
  const config = configOf(sites, uid, clusterRequestMs)
  const temp = await tempStore()
  const paper = paperChat('slack')
  const show = async (kind: Shown['kind'], { id }: Place, message: Message): Promise<void> => {
    const site = sites.find(({ name }) => `C-${name}` === id)
    if (site !== undefined) await shown(site, { kind, text: plain(message) })
  }
  const chat: Chat = {
    ...paper,
    post: async (place, message, options) => {
      await show('post', place, message)
      return paper.post(place, message, options)
    },
    edit: async (sent, message, options) => {
      await show('edit', sent.place, message)
      return paper.edit(sent, message, options)
    },
  }
  const sluice = await startSluice({
    config: () => config,
    store: temp.store,
    clock: { now: Date.now },
    log: silentLog,
    practice: false,
    host: () => () => {
      throw new Error('no hosts here')
    },
    env: {},
    lease: 'sluice-api-faults',
    chats: async () => [chat],
  })
  await sluice.started
  let events = 0
  return {
    engine: sluice.engine,
    say: ({ name }, text) =>
      paper.tell({
        kind: 'text',
        event: `e${++events}`,
        place: { chat: 'slack', id: `C-${name}` },
        user: 'U1',
        bot: false,
        sentAtMs: Date.now(),
        text,
        message: `m${events}`,
        addressed: true,
        direct: false,
      }),
    stop: async () => {
      await sluice.stop()
      await temp.stop()
    },
  }
}

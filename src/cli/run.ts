import { once } from 'node:events'
import { join } from 'node:path'
import type { Chat } from '../bot/chat.ts'
import { type Moved, openMoved } from '../bot/moved.ts'
import { needsMatrix } from '../bot/outbox.ts'
import type { Aids } from '../aids.ts'
import { type Config, readSecret } from '../config.ts'
import { type Sluice, startSluice } from '../main.ts'
import type { Roles } from '../jobs/roles.ts'
import { openLease } from '../store/lease.ts'
import { matrixState } from '../store/matrix-state.ts'
import { chatMemory } from '../store/messages.ts'
import { showAlive } from './alive.ts'
import { tellMoves } from './moved.ts'
import { keepAudit } from './keep-audit.ts'
import { watchExpiry } from './expiry.ts'
import { openWorld, type World } from './world.ts'

/** `sluice run`: the bot on its chats until SIGTERM, or a part of it as `roles` says. SIGHUP re-reads people, policies and clusters; a bad file keeps the old one. */
export async function runBot(
  options: { readonly config: string; readonly data: string; readonly roles: Roles },
  signal: AbortSignal,
): Promise<number> {
  const world = await openWorld({
    configDir: options.config,
    dataDir: options.data,
    practice: false,
    env: process.env,
    signal,
  })
  const reload = (): void =>
    world.log.warn(world.reload() ? 'configuration read again' : 'configuration is not valid, the old one stays')
  process.on('SIGHUP', reload)
  try {
    const moved = await openMoved(world.store)
    const config = (): Config => ({ ...world.config(), rooms: moved.rooms(world.config().rooms) })
    const { roles } = options
    const keysDir = join(options.data, 'matrix-keys')
    const sluice = await startSluice({
      ...world,
      config,
      env: process.env,
      roles,
      ...(config().matrix === undefined ? {} : { isAlone: needsMatrix }),
      chats: async (_engine, aids) => (roles.has('chat') ? openChats({ ...world, config }, aids, moved, keysDir) : []),
    })
    await sluice.started
    const unwatch = roles.has('chat') ? speakUp(sluice, world, moved) : () => {}
    const unkeep = keepAudit(options.data, world)
    const unshow = showAlive(options.data, world.store)
    world.log.warn('ready')
    if (!signal.aborted) await once(signal, 'abort')
    unwatch()
    await unkeep()
    unshow()
    await sluice.stop()
  } finally {
    process.off('SIGHUP', reload)
    await world.close()
  }
  return 0
}

/** What the bot says by itself: only where it has somebody to say it to. */
function speakUp(sluice: Sluice, world: World, moved: Moved): () => void {
  tellMoves(sluice, world.config, moved)
  return watchExpiry(sluice, world.config, world.clock.now)
}

const matrixRate = (rate: 'none' | { readonly perMinute: number; readonly burst: number }): Chat['rate'] =>
  rate === 'none' ? {} : { all: { burst: rate.burst, everyMs: Math.ceil(60_000 / rate.perMinute) } }

type Home = Pick<World, 'config' | 'log' | 'store'>

/** Only what is configured is loaded. `keysDir` takes the keys of encrypted Matrix rooms. */
export async function openChats(home: Home, aids: Aids, moved: Moved, keysDir?: string): Promise<readonly Chat[]> {
  const { slack, matrix } = home.config()
  const chats: Chat[] = []
  if (slack !== undefined) chats.push(await slackChat(home, aids, slack))
  if (matrix !== undefined) chats.push(await matrixChat(home, moved, keysDir, matrix))
  return chats
}

const secret = (reference: string): string => readSecret(reference, process.env)

async function slackChat({ config, log, store }: Home, aids: Aids, slack: NonNullable<Config['slack']>): Promise<Chat> {
  const { openSlack } = await import('../bot/slack.ts')
  return openSlack({
    mode: slack.mode,
    botToken: secret(slack.botToken),
    ...(slack.appToken === undefined ? {} : { appToken: secret(slack.appToken) }),
    ...(slack.signingSecret === undefined ? {} : { signingSecret: secret(slack.signingSecret) }),
    ...(slack.apiUrl === undefined ? {} : { apiUrl: slack.apiUrl }),
    ...(slack.listen === undefined ? {} : slack.listen),
    aids: {
      help: (user, channel) => aids.help('slack', user, channel),
      home: (user) => aids.home('slack', user),
      forms: aids.forms,
      channels: () => config().rooms.flatMap(({ name, slack: id }) => (id === undefined ? [] : [{ id, name }])),
    },
    state: chatMemory(store, 'slack'),
    openQuestions: () => aids.openQuestions('slack'),
    log,
  })
}

async function matrixChat(
  { config, log, store }: Home,
  moved: Moved,
  keysDir: string | undefined,
  matrix: NonNullable<Config['matrix']>,
): Promise<Chat> {
  const { openMatrix } = await import('../bot/matrix.ts')
  const lease = openLease(store, 'matrix')
  return openMatrix({
    lease,
    homeserver: matrix.homeserver,
    accessToken: secret(matrix.accessToken),
    ...(matrix.userId === undefined ? {} : { userId: matrix.userId }),
    state: matrixState(store, lease),
    get invitesFrom() {
      return config().people.flatMap((p) => (p.matrix === undefined ? [] : [p.matrix]))
    },
    bots: matrix.bridges,
    rooms: () => config().rooms.flatMap((r) => (r.matrix === undefined ? [] : [r.matrix])),
    onMoved: moved.record,
    ...(matrix.rate === 'auto' ? {} : { rate: matrixRate(matrix.rate) }),
    keysDir: matrix.keysDir ?? keysDir,
    log,
  })
}

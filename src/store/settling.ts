import { Cluster, type ClusterOptions } from 'ioredis'

const closed = (): Error => new Error('Connection is closed.')

/**
 * A Cluster whose every wait ends. ioredis 6.0 leaves three of them open, and BullMQ's workers, which wait for all three, never take a job again:
 * - `connect()` while the Cluster says of itself that it is down, as in every failover: the attempt is begun anew, and the promise of the first one is forgotten (redis/ioredis#741);
 * - `disconnect()` between two attempts: the last connection that closes tells of the end, and there is none;
 * - a command that is held back until the Cluster is ready: `commandTimeout` begins with the node it is sent to.
 */
export class Settling extends Cluster {
  /** Resolves when it is ready; throws when this attempt has failed, though the next one may follow by itself. */
  override async connect(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    // what a life before this one said late is no word about this one
    const onReady = (): void => void (this.status === 'ready' && resolve())
    const onClose = (): void => void (['close', 'reconnecting', 'end'].includes(this.status) && reject(closed()))
    this.on('ready', onReady).on('close', onClose).on('end', onClose)
    try {
      await Promise.race([super.connect(), promise])
    } finally {
      this.off('ready', onReady).off('close', onClose).off('end', onClose)
    }
  }

  override disconnect(reconnect = false): void {
    const isBetween = ['connecting', 'reconnecting', 'disconnecting'].includes(this.status) && this.nodes().length === 0
    super.disconnect(reconnect)
    // biome-ignore lint/complexity/useLiteralKeys: it is private there
    if (isBetween && !reconnect) this['handleCloseEvent']()
  }

  override sendCommand(...[command, ...rest]: Parameters<Cluster['sendCommand']>): unknown {
    const limitMs = this.options.redisOptions?.commandTimeout
    if (limitMs !== undefined) command.setTimeout(limitMs)
    return super.sendCommand(command, ...rest)
  }

  override duplicate(...[nodes = [], more]: Parameters<Cluster['duplicate']>): ReturnType<Cluster['duplicate']> {
    // biome-ignore lint/complexity/useLiteralKeys: it is private there
    const at = nodes.length > 0 ? nodes : [...this['startupNodes']]
    // replies are made as by default: connect.ts has no other way
    const redisOptions: Omit<NonNullable<ClusterOptions['redisOptions']>, 'replyMapping'> = {
      ...this.options.redisOptions,
      ...more?.redisOptions,
    }
    return new Settling(at, { ...this.options, ...more, redisOptions })
  }
}

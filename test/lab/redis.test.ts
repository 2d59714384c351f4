import { Redis } from 'ioredis'
import { expect, test } from 'vitest'
import { lab, real } from './need.ts'
import { startRedis } from './redis.ts'

for (const name of ['redis', 'valkey'] as const) {
  await real([name], `the shared ${name}`, (redis) => {
    test('keeps what it acknowledged: AOF always, no eviction', async () => {
      const client = new Redis({ path: redis.socket })
      expect(await client.config('GET', 'appendfsync')).toContainEqual('always')
      await client.quit()
    })

    test('a server of one test survives kill -9 with its data', async () => {
      const server = await startRedis(lab(), name === 'redis' ? 'redis-server' : 'valkey-server')
      const client = new Redis({ path: server.socket })
      client.on('error', () => {})
      await client.set('accepted', 'yes')
      await server.kill9()
      await server.restart()
      expect(await client.get('accepted')).toBe('yes')
      client.disconnect()
      await server.stop()
    })
  })
}

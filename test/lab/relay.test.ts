import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { afterAll, expect, test } from 'vitest'
import { relayTo } from './relay.ts'

const echo = createServer((socket) => socket.pipe(socket).on('error', () => {}))
echo.listen(0, '127.0.0.1')
await once(echo, 'listening')
const address = echo.address()
const relay = await relayTo({
  host: '127.0.0.1',
  port: typeof address === 'object' && address !== null ? address.port : 0,
})
afterAll(async () => {
  await relay.stop()
  echo.close()
})

async function said(text: string): Promise<string> {
  const socket = connect(relay.port, '127.0.0.1')
  socket.write(text)
  const [data] = (await once(socket, 'data')) as [Buffer] // a stream without encoding
  socket.destroy()
  return data.toString()
}

test('a cut line refuses, and works again when restored', async () => {
  expect(await said('before')).toBe('before')
  await relay.cut()
  await expect(said('during')).rejects.toThrow('ECONNREFUSED')
  await relay.restore()
  expect(await said('after')).toBe('after')
})

test('a hanging line says nothing until it is restored', async () => {
  const socket = connect(relay.port, '127.0.0.1')
  await once(socket, 'connect')
  relay.hang()
  let heard = ''
  socket.on('data', (data: Buffer) => (heard += data.toString()))
  socket.write('late')
  const other = said('new')
  const first = await Promise.race([other, new Promise((resolve) => setTimeout(() => resolve('silence'), 200))])
  expect([first, heard]).toEqual(['silence', ''])
  await relay.restore()
  expect(await other).toBe('new')
  await expect.poll(() => heard).toBe('late')
  socket.destroy()
})

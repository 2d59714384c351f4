import { expect, test } from 'vitest'
import { until } from '../lab/process.ts'
import { openOn, slackWorld } from './slack-world.ts'

test('a socket that is being opened when the bot stops is closed too', async () => {
  const { lab, stop } = await slackWorld('socket')
  try {
    const chat = await openOn(lab, 'socket')
    await chat.start(async () => {})
    expect(lab.connected()).toBe(1)
    const stopped = new Promise<void>((resolve) =>
      lab.onCall((method) => {
        if (method === 'apps.connections.open') resolve(chat.stop())
      }),
    )
    lab.dropSockets()
    await stopped
    await until('no socket is left', 5_000, () => (lab.connected() === 0 ? true : undefined))
  } finally {
    await stop()
  }
})

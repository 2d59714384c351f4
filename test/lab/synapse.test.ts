import { expect, test } from 'vitest'
import { attachSynapse } from './matrix-user.ts'
import { real } from './need.ts'

await real(['synapse'], 'the shared Synapse', (synapse) => {
  for (const version of ['10', '11', '12']) {
    test(`people talk, react and take it back in a room of version ${version}`, async () => {
      const { user } = attachSynapse(synapse)
      const [nico, fran] = await Promise.all([user('nico'), user('fran')])
      const room = await nico.createRoom({ room_version: version, invite: [fran.id] })
      await fran.join(room)
      await nico.listen()
      const asked = await fran.send(room, 'drain server23 on p10')
      await nico.wait((event) => event.event_id === asked)
      const vote = await fran.react(room, asked, '✅')
      await nico.wait((event) => event.type === 'm.reaction' && event.event_id === vote)
      await fran.redact(room, vote)
      await nico.wait((event) => event.type === 'm.room.redaction')
      nico.stop()
    })
  }
})

await real(['synapse-limits'], 'the shared Synapse with its default limits', (synapse) => {
  test('answers 429 when somebody sends too fast', async () => {
    const nico = await attachSynapse(synapse).user('nico')
    const room = await nico.createRoom()
    const sent = await Promise.allSettled(Array.from({ length: 20 }, (_, n) => nico.send(room, `${n}`)))
    const refused = sent.flatMap((one) => (one.status === 'rejected' ? [one.reason as { status: number }] : [])) // MatrixRefusal
    expect(new Set(refused.map((one) => one.status))).toEqual(new Set([429]))
  })
})

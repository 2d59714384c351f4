import { expect, test } from 'vitest'
import { type Code, SluiceError } from '../../src/errors.ts'
import { makeReadFacts } from '../../src/systems/facts/adapter.ts'
import { makeCluster } from '../steps/objects.ts'

const reading = async (code: Code) => {
  const nodes = () => Promise.reject(new SluiceError(code, 'listing nodes'))
  const read = makeReadFacts({ cluster: async () => makeCluster({ nodes }), pinnedUid: () => undefined })
  const subject = { cluster: 'p10', nodes: ['server23'], person: 'nico' }
  return (await read(['not-ready'], subject, new AbortController().signal))['not-ready']
}

test('a fact that cannot be read now is told apart from one that cannot be read', async () => {
  expect(await reading('K8S-BUSY')).toMatchObject({ ok: false, trouble: { code: 'K8S-BUSY' } })
  expect(await reading('K8S-FORBIDDEN')).toEqual({ ok: false, why: expect.stringContaining('K8S-FORBIDDEN') })
})

import { real } from '../lab/need.ts'
import { chatContract, limitContract } from './chat.contract.ts'
import { matrixWorld } from './matrix-world.ts'

await real(['synapse'], 'Matrix on a real Synapse', (synapse) => {
  chatContract('Matrix, rooms of version 12', () => matrixWorld(synapse))
  for (const version of ['10', '12'])
    chatContract(`Matrix, encrypted rooms of version ${version}`, () =>
      matrixWorld(synapse, version, { encrypted: true }),
    )
})

await real(['synapse-limits'], 'Matrix on a Synapse with its own limits', (synapse) => {
  limitContract('Matrix', () => matrixWorld(synapse))
})

import { real } from '../../lab/need.ts'
import { matrixStage, ON_A_WIRE } from './platforms.ts'
import { conformance } from './suite.ts'

await real(['synapse'], 'Matrix on a real Synapse', (synapse) => {
  conformance('Matrix, encrypted rooms of version 10', ON_A_WIRE, (store) => matrixStage(synapse, '10', store, true))
})

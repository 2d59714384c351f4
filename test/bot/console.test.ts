import { afterAll, beforeAll } from 'vitest'
import { tempStore } from '../jobs/toy.ts'
import { chatContract } from './chat.contract.ts'
import { consoleWorld } from './console-world.ts'

let temp: Awaited<ReturnType<typeof tempStore>>
beforeAll(async () => {
  temp = await tempStore()
})
afterAll(() => temp.stop())

// one room at a time: the contract's second worlds are made while the first one is idle
chatContract('console', () => consoleWorld(temp.store))

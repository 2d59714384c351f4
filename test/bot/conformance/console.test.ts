import { consoleWorld } from '../console-world.ts'
import { conformance } from './suite.ts'

// what is typed while nobody reads a console is not kept by anybody, and nothing but its process can be away
conformance('console', ['replay', 'buttons'], async (store) => {
  const world = await consoleWorld(store)
  return { world, trouble: { replay: world.replay } }
})

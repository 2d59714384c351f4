import { APP_OPERATIONS } from './catalogue/apps.ts'
import { CLUSTER_OPERATIONS } from './catalogue/clusters.ts'
import { NODE_OPERATIONS } from './catalogue/nodes.ts'
import { REFUSED } from './catalogue/refused.ts'
import type { Known } from './grammar.ts'

/** What people say that is no command today. Adding the command means deleting its entry. */
export const KNOWN: readonly Known[] = [...REFUSED, ...NODE_OPERATIONS, ...CLUSTER_OPERATIONS, ...APP_OPERATIONS]

import { SluiceError } from '../errors.ts'
import type { Node } from '../systems/kubernetes/port.ts'
import { againOnConflict, cordonHolder, missingNode, sameNode, WITHOUT_HOLDER } from './cordon.ts'
import type { Evidence, Finding, Gate, Step, StepContext } from './step.ts'

const TIMEOUT_MS = 60_000
const ASK_MS = 30 * 60_000

/** A node of a target; `all` are the names of the whole target, so that one question is asked for all of them. */
export type UncordonOf = { readonly name: string; readonly uid: string; readonly all: readonly string[] }

const isForeign = (node: Node, person: string): boolean => node.unschedulable && cordonHolder(node).person !== person

function previewOf(of: UncordonOf, node: Node | undefined): Finding {
  const key = `uncordon ${of.name}`
  if (node === undefined || node.uid !== of.uid) return missingNode(key, of.name, node)
  const base = { key, object: of.name, uid: node.uid, topic: 'uncordon' }
  if (!node.unschedulable) return { ...base, verdict: 'skip', reason: 'already uncordoned' }
  if (node.ready !== 'True') {
    return {
      ...base,
      verdict: 'block',
      code: 'NODE-NOT-READY',
      reason: 'the node is not Ready; pods started there would not run',
    }
  }
  return { ...base, verdict: 'do', reason: 'new pods may start here', detail: `cordoned by ${cordonHolder(node).text}` }
}

async function question(of: UncordonOf, ctx: StepContext): Promise<Gate | undefined> {
  const nodes = await ctx.cluster.nodes({ signal: ctx.signal })
  const foreign = nodes.filter((node) => of.all.includes(node.name) && isForeign(node, ctx.job.person))
  const names = foreign.map(({ name }) => name)
  const confirmed = ctx.chosen['foreign']
  if (!names.includes(of.name) || (Array.isArray(confirmed) && confirmed.includes(of.name))) return undefined
  return {
    kind: 'gate',
    code: 'CORDON-FOREIGN',
    text: `${names.join(', ')}: cordoned by somebody else. Uncordon all the same?`,
    details: foreign.map((node) => `${node.name}: cordoned by ${cordonHolder(node).text}`),
    choices: [
      {
        word: 'uncordon',
        label: `Uncordon ${names.join(', ')}`,
        risk: 'change',
        args: { foreign: names },
        effect: 'again',
      },
      { word: 'leave', label: 'Leave them cordoned', risk: 'change', effect: 'abort' },
    ],
    withinMs: ASK_MS,
  }
}

async function patch(of: UncordonOf, ctx: StepContext): Promise<Evidence> {
  const node = await sameNode(ctx.cluster, of, ctx.signal)
  if (!node.unschedulable) return { kind: 'evidence', text: 'already uncordoned' }
  if (node.ready !== 'True') {
    throw new SluiceError('NODE-NOT-READY', `uncordoning ${of.name}`, { text: `${of.name} is not Ready` })
  }
  await ctx.safePoint()
  const { resourceVersion, uid } = node
  await ctx.cluster.patchNode(
    of.name,
    { uid, resourceVersion, unschedulable: false, annotations: WITHOUT_HOLDER },
    { signal: ctx.signal },
  )
  return { kind: 'evidence', text: 'uncordoned' }
}

/** Lets pods start on a node again. Asks first (CORDON-FOREIGN) where the cordon is not the asker's own. */
export const uncordon = (of: UncordonOf): Step => ({
  id: `uncordon ${of.name}`,
  title: `uncordon ${of.name}`,
  repeatable: true,
  timeoutMs: TIMEOUT_MS,
  preview: async (ctx) => [previewOf(of, await ctx.cluster.node(of.name, { signal: ctx.signal }))],
  done: async (ctx) => {
    const node = await sameNode(ctx.cluster, of, ctx.signal)
    return node.unschedulable ? undefined : { kind: 'evidence', text: 'already uncordoned' }
  },
  run: async (ctx) => (await question(of, ctx)) ?? againOnConflict(() => patch(of, ctx)),
})

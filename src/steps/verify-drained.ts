import { SluiceError } from '../errors.ts'
import type { Node, Pod } from '../systems/kubernetes/port.ts'
import { cordonHolder, sameNode } from './cordon.ts'
import { podName } from './drain-filters.ts'
import type { DrainOf } from './evict-pods.ts'
import type { Evidence, Step, StepContext } from './step.ts'
import { surveyNode } from './survey.ts'

const TIMEOUT_MS = 120_000
const UNSCHEDULABLE = 'node.kubernetes.io/unschedulable'

/** Placed after the cordon: by a toleration, or by somebody who named the node (DR-52: kubectl leaves these too). */
function cameLater(pod: Pod, node: Node): boolean {
  const tolerates = pod.tolerations.some(
    ({ key, operator }) => key === UNSCHEDULABLE || (key === undefined && operator === 'Exists'),
  )
  const cordonedAtMs = node.taints.find(({ key }) => key === UNSCHEDULABLE)?.addedAtMs ?? cordonHolder(node).sinceMs
  // creation times are whole seconds
  return tolerates || (cordonedAtMs !== undefined && pod.createdAtMs >= Math.floor(cordonedAtMs / 1000) * 1000)
}

async function look(
  of: Omit<DrainOf, 'sentence'>,
  ctx: StepContext,
): Promise<{ readonly left: readonly Pod[]; readonly later: readonly Pod[]; readonly cordoned: boolean }> {
  const node = await sameNode(ctx.cluster, of.node, ctx.signal)
  const { sorted } = await surveyNode(ctx.cluster, of.node.name, of.options, ctx)
  const rest = sorted.filter(({ does }) => does !== 'skip').map(({ pod }) => pod)
  return {
    left: rest.filter((pod) => !cameLater(pod, node)),
    later: rest.filter((pod) => cameLater(pod, node)),
    cordoned: node.unschedulable,
  }
}

async function verify(of: Omit<DrainOf, 'sentence'>, ctx: StepContext): Promise<Evidence> {
  const { left, later, cordoned } = await look(of, ctx)
  const doing = `verifying that ${of.node.name} is drained`
  if (left.length > 0)
    throw new SluiceError('STEP-FAILED', doing, { text: `still on ${of.node.name}: ${left.map(podName).join(', ')}` })
  if (!cordoned) throw new SluiceError('STEP-FAILED', doing, { text: `somebody uncordoned ${of.node.name} meanwhile` })
  const text =
    later.length === 0 ? 'drained' : `drained; came after the cordon and stay: ${later.map(podName).join(', ')}`
  return { kind: 'evidence', text }
}

/** Asks the cluster whether the node is cordoned and empty but for what stays. Throws STEP-FAILED. */
export const verifyDrained = (of: Omit<DrainOf, 'sentence'>): Step => ({
  id: `verify ${of.node.name}`,
  title: `verify that ${of.node.name} is drained`,
  repeatable: true,
  timeoutMs: TIMEOUT_MS,
  preview: async () => [],
  // a check is never done beforehand: it is the run that looks
  done: async () => undefined,
  run: (ctx) => verify(of, ctx),
})

import { once } from 'node:events'
import { createServer } from 'node:http'
import { text } from 'node:stream/consumers'
import { z } from 'zod'
import { answer, type ChangeCommand, change, type Command } from '../../../src/commands/command.ts'
import { COMMANDS } from '../../../src/commands/registry.ts'
import type { Step } from '../../../src/steps/step.ts'

/**
 * Changes on a toy world, beside every real command, so that a scenario holds a state as long as it needs:
 * `nudge` is allowed at once, `shove` needs one approval, `topple` two, `poke` one within two seconds.
 * `echo` says its words back, `recite` says more than a message holds.
 */
export type Toy = {
  readonly commands: readonly Command[]
  /** Every effect, in order: `nudge server23`. */
  readonly done: readonly string[]
  /** From now on a step stands in front of its effect, until `letGo`. */
  readonly hold: () => void
  readonly letGo: () => void
}

export const TOY_POLICIES = [
  { name: 'everybody reads', when: { person: { known: true }, risk: ['read'] }, allow: true },
  { name: 'operators change anything', when: { person: { in: ['operators'] }, risk: ['change'] }, allow: true },
  ...(
    [
      ['shove', 1, '30m'],
      ['topple', 2, '30m'],
      ['poke', 1, '2s'],
    ] as const
  ).map(([command, approvals, within]) => ({
    name: `${command} needs ${approvals}`,
    when: { command: [command] },
    needs: { approvals, from: ['operators'], within },
  })),
]

const VERBS = ['nudge', 'shove', 'topple', 'poke'] as const
const toyArgs = z.strictObject({ cluster: z.string(), nodes: z.array(z.string()).min(1) })

export function makeToy(): Toy {
  const done: string[] = []
  const seen = new Set<string>()
  let gate = Promise.withResolvers<void>()
  gate.resolve()
  const step = (verb: string, node: string): Step => ({
    id: `${verb} ${node}`,
    title: `${verb} ${node}`,
    repeatable: true,
    timeoutMs: 60_000,
    preview: async () => [{ key: `${verb} ${node}`, object: node, verdict: 'do', reason: 'it stands', topic: 'toy' }],
    done: async ({ job }) => (seen.has(`${job.id} ${verb} ${node}`) ? { kind: 'evidence', text: 'is so' } : undefined),
    run: async (ctx) => {
      ctx.report({ done: 0, of: 1, waiting: [], text: `${node} begins to move` })
      const stopped = ctx.signal.aborted ? Promise.resolve() : once(ctx.signal, 'abort')
      await Promise.race([gate.promise, stopped])
      await ctx.safePoint()
      ctx.signal.throwIfAborted()
      seen.add(`${ctx.job.id} ${verb} ${node}`)
      done.push(`${verb} ${node}`)
      return { kind: 'evidence', text: 'is so' }
    },
  })
  return {
    commands: [...COMMANDS, ...VERBS.map((verb) => toyChange(verb, step)), echo, recite],
    done,
    hold: () => {
      gate = Promise.withResolvers<void>()
    },
    letGo: () => gate.resolve(),
  }
}

const toyChange = (verb: string, step: (verb: string, node: string) => Step): ChangeCommand =>
  change({
    name: verb,
    summary: `${verb} a node of the toy`,
    phrases: [`${verb} {nodes}`],
    args: toyArgs,
    examples: [`${verb} server23 on p10`],
    risk: () => 'change',
    resolve: async (args, { cluster, signal }) => ({
      cluster: args.cluster,
      clusterUid: await cluster.identity({ signal }),
      nodes: args.nodes.map((name) => ({ name, uid: `uid-${name}`, controlPlane: false })),
      args,
      sentence: `${verb} ${args.nodes.join(', ')} on ${args.cluster}`,
    }),
    facts: () => ['identity'],
    locks: ({ cluster, nodes }) => nodes.map(({ name }) => `node/${cluster}/${name}`),
    onCancel: 'keep',
    steps: ({ nodes }) => nodes.map(({ name }) => step(verb, name)),
  })

const echo = answer({
  name: 'echo',
  summary: 'The words, back',
  phrases: ['echo {words:text}'],
  args: z.strictObject({ words: z.string() }),
  examples: ['echo hello'],
  takes: [],
  answer: async ({ words }) => ({ blocks: [{ kind: 'text', text: `heard: ${words}` }] }),
})

const recite = answer({
  name: 'recite',
  summary: 'So many lines',
  phrases: ['recite {lines:number}'],
  args: z.strictObject({ lines: z.int().min(1) }),
  examples: ['recite 10'],
  takes: [],
  answer: async ({ lines }) => ({
    blocks: [
      {
        kind: 'table',
        columns: ['LINE', 'WORDS'],
        rows: Array.from({ length: lines }, (_, i) => [`line${i}`, 'the long way round']),
      },
    ],
  }),
})

const UID = '6f3f1c9e-6a2b-4b57-9d3e-0c1f2a3b4c5d'

/** What of a cluster's API the toy asks for: who it is, that it has no nodes beside the registry's, and a Lease that takes what is written. */
export async function toyApi(): Promise<{ readonly url: string; readonly uid: string; readonly stop: () => void }> {
  let lease: object | undefined
  const server = createServer(async (request, response) => {
    const { url = '', method } = request
    const isLease = url.startsWith('/apis/coordination.k8s.io/v1/namespaces/kube-system/leases')
    if (isLease && method !== 'GET') lease = JSON.parse(await text(request))
    const found = url.startsWith('/api/v1/namespaces/kube-system')
      ? { kind: 'Namespace', metadata: { name: 'kube-system', uid: UID } }
      : url.startsWith('/api/v1/nodes')
        ? { kind: 'NodeList', metadata: { resourceVersion: '1' }, items: [] }
        : isLease
          ? lease
          : undefined
    response.writeHead(found === undefined ? 404 : 200, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ apiVersion: 'v1', ...(found ?? { kind: 'Status', code: 404 }) }))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  return {
    url: `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`,
    uid: UID,
    stop: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}

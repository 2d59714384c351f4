import { createServer, type RequestListener, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, it } from 'vitest'
import type { SluiceError } from '../../src/errors.ts'
import { openCluster } from '../../src/systems/kubernetes/adapter.ts'
import type { Cluster, PodEvent } from '../../src/systems/kubernetes/port.ts'

/** An API server that answers as told. Plain http, which the adapter takes on the loopback interface only. */
async function against(answer: RequestListener, work: (cluster: Cluster) => Promise<void>): Promise<void> {
  const server = createServer(answer)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo // listens on TCP
  const cluster = openCluster({
    name: 'p10',
    credentials: { server: `http://127.0.0.1:${port}`, token: 't' },
    userAgent: 'sluice/0.1 (nico)',
    impersonate: { user: 'nico', groups: ['operators', 'all'] },
    requestTimeoutMs: 400,
    clock: { now: Date.now },
  })
  try {
    await work(cluster)
  } finally {
    await cluster.close()
    server.closeAllConnections()
    server.close()
  }
}

const say = (response: ServerResponse, status: number, body: object, headers: Record<string, string> = {}): void =>
  void response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
const status = (message: string, causes: readonly object[] = [], more: object = {}) => ({
  kind: 'Status',
  status: 'Failure',
  message,
  details: { causes, ...more },
})
const POD = { namespace: 'ns', name: 'x' }
const UID = { uid: 'u1', gracePeriodSeconds: -1 }
const pod = (uid: string, resourceVersion: string) => ({
  metadata: { name: uid, namespace: 'ns', uid, resourceVersion },
  brandNew: {},
})

it.each([
  [
    'a budget',
    429,
    status('Cannot evict', [
      { reason: 'DisruptionBudget', message: 'The disruption budget web needs 2 healthy pods and has 2 currently' },
    ]),
    { kind: 'later', cause: 'budget', budget: 'web' },
  ],
  [
    'a budget not yet seen',
    429,
    status(
      'Cannot evict',
      [{ reason: 'DisruptionBudget', message: 'The disruption budget web is still being processed by the server.' }],
      { retryAfterSeconds: 10 },
    ),
    { kind: 'later', cause: 'budget', budget: 'web', retryAfterMs: 10_000 },
  ],
  [
    'KubeVirt',
    429,
    status(
      'admission webhook "virt-launcher-eviction-interceptor.kubevirt.io" denied the request: Eviction triggered evacuation of VMI "ns/vm"',
    ),
    { kind: 'later', cause: 'migrating' },
  ],
  [
    'priority and fairness',
    429,
    status('Too many requests, please try again later.'),
    { kind: 'later', cause: 'busy', trouble: expect.objectContaining({ code: 'K8S-BUSY' }) },
  ],
  [
    'two budgets',
    500,
    status('This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.'),
    { kind: 'refused', status: 500, multiPdb: true },
  ],
  [
    'a broken webhook',
    500,
    status('failed calling webhook'),
    { kind: 'later', cause: 'fault', trouble: expect.objectContaining({ code: 'K8S-FAULT' }) },
  ],
  [
    'a terminating namespace',
    403,
    status('x', [{ reason: 'NamespaceTerminating' }]),
    { kind: 'namespace-terminating' },
  ],
  ['another 403', 403, status('pods "x" is forbidden'), { kind: 'refused', status: 403 }],
  [
    'another pod',
    409,
    status('Operation cannot be fulfilled: the UID in the precondition (a) does not match the UID in record (b).'),
    { kind: 'replaced' },
  ],
  ['a write conflict', 409, status('the object has been modified'), { kind: 'later', cause: 'busy' }],
  [
    'a server that stops',
    503,
    status('shutting down', [], { retryAfterSeconds: 1 }),
    { kind: 'later', cause: 'busy', retryAfterMs: 1000 },
  ],
  ['gone', 404, status('not found'), { kind: 'gone' }],
] as const)('an eviction meets %s', async (_what, code, body, expected) => {
  await against(
    (_request, response) => say(response, code, body),
    async (cluster) => {
      expect(await cluster.evict(POD, UID)).toMatchObject(expected)
    },
  )
})

it('sends who asks, as whom, the uid and no grace period of its own', async () => {
  let seen: unknown
  const answer: RequestListener = async (request, response) => {
    const { headers, url } = request
    const body: unknown = JSON.parse((await request.toArray()).join(''))
    seen = {
      url,
      agent: headers['user-agent'],
      user: headers['impersonate-user'],
      body,
      groups: request.headersDistinct['impersonate-group'],
      token: headers.authorization,
    }
    say(response, 201, {})
  }
  await against(answer, async (cluster) => void (await cluster.evict({ namespace: 'ns', name: 'a/b' }, UID)))
  expect(seen).toEqual({
    url: '/api/v1/namespaces/ns/pods/a%2Fb/eviction',
    agent: 'sluice/0.1 (nico)',
    user: 'nico',
    groups: ['operators', 'all'],
    token: 'Bearer t',
    body: {
      apiVersion: 'policy/v1',
      kind: 'Eviction',
      metadata: { name: 'a/b', namespace: 'ns' },
      deleteOptions: { apiVersion: 'v1', kind: 'DeleteOptions', preconditions: { uid: 'u1' } },
    },
  })
})

it.each([
  ['silence', () => {}, 'K8S-TIMEOUT'],
  ['half an answer', (_q, r) => void r.writeHead(200).write('{"items":['), 'K8S-TIMEOUT'],
  ['a cut line', (q) => void q.socket.destroy(), 'K8S-UNREACHABLE'],
  ['a 500', (_q, r) => say(r, 500, status('etcd')), 'K8S-FAULT'],
  ['too many requests', (_q, r) => say(r, 429, status('later'), { 'retry-after': '1' }), 'K8S-BUSY'],
  ['a proxy without a server', (_q, r) => void r.writeHead(502).end('<html>'), 'K8S-UNREACHABLE'],
  ['a 401', (_q, r) => say(r, 401, status('Unauthorized')), 'K8S-CREDENTIALS'],
  ['a 403', (_q, r) => say(r, 403, status('nodes is forbidden')), 'K8S-FORBIDDEN'],
] satisfies [string, RequestListener, string][])('a read meets %s', async (_what, answer, code) => {
  await against(answer, async (cluster) => {
    await expect(cluster.pods({})).rejects.toMatchObject({ code })
    await expect(cluster.daemonSet('ns', 'x')).rejects.toMatchObject({ code })
  })
})

it('waits out a busy server when it reads', async () => {
  let calls = 0
  const answer: RequestListener = (_request, response) =>
    calls++ === 0 ? say(response, 429, status('Too many requests')) : say(response, 200, { items: [] })
  await against(answer, async (cluster) => expect((await cluster.pods({})).items).toEqual([]))
})

it('asks again at once for a read that broke; of a change the caller has to find out what became of it', async () => {
  const seen: string[] = []
  const answer: RequestListener = (request) => {
    seen.push(request.method ?? '')
    request.socket.resetAndDestroy()
  }
  await against(answer, async (cluster) => {
    await expect(cluster.pod('ns', 'x')).rejects.toMatchObject({ code: 'K8S-UNREACHABLE' })
    expect(seen.filter((method) => method === 'GET').length).toBeGreaterThan(1)
    await expect(cluster.evict(POD, UID)).rejects.toMatchObject({ code: 'K8S-UNREACHABLE' })
    await expect(cluster.deletePod(POD, UID)).rejects.toMatchObject({ code: 'K8S-UNREACHABLE' })
    await expect(cluster.patchNode('n', { uid: 'u' })).rejects.toMatchObject({ code: 'K8S-UNREACHABLE' })
    expect(seen.filter((method) => method !== 'GET')).toEqual(['POST', 'DELETE', 'PATCH'])
  })
})

it('starts a list again when its continue token has expired', async () => {
  let pages = 0
  const answer: RequestListener = (request, response) => {
    const token = new URL(request.url ?? '', 'http://x').searchParams.get('continue')
    pages++
    if (token === 'old') return say(response, 410, status('The provided continue parameter is too old'))
    if (token === 'new') return say(response, 200, { items: [pod('b', '2')], metadata: { resourceVersion: '5' } })
    return say(response, 200, {
      items: [pod('a', '1')],
      metadata: { continue: pages === 1 ? 'old' : 'new', resourceVersion: '5' },
    })
  }
  await against(answer, async (cluster) => {
    expect((await cluster.pods({})).items.map((p) => p.uid)).toEqual(['a', 'b'])
  })
})

it('goes on after a cut watch, lists again after a 410, and tells what vanished meanwhile', async () => {
  const asked: string[] = []
  const answer: RequestListener = (request, response) => {
    const query = new URL(request.url ?? '', 'http://x').searchParams
    if (query.get('watch') === null)
      return say(response, 200, { items: [pod('b', '2'), pod('c', '9')], metadata: { resourceVersion: '20' } })
    const version = query.get('resourceVersion') ?? ''
    asked.push(version)
    response.writeHead(200)
    const line = (type: string, object: object) => response.write(`${JSON.stringify({ type, object })}\n`)
    if (version === '1') {
      line('ADDED', pod('b', '2'))
      line('BOOKMARK', { metadata: { resourceVersion: '7' } })
      line('SOMETHING-NEW', { metadata: { resourceVersion: '8' } })
      return void setImmediate(() => request.socket.destroy())
    }
    if (version === '8') return void (line('ERROR', { code: 410, message: 'too old' }), response.end())
    return undefined
  }
  await against(answer, async (cluster) => {
    const [events, stop] = [[] as string[], new AbortController()]
    const enough = Promise.withResolvers<void>()
    const known = [{ uid: 'a', name: 'a' }] as never // the watch needs no more of a pod than its uid
    const onEvent = ({ type, pod: { uid } }: PodEvent): void => {
      events.push(`${type} ${uid}`)
      if (uid === 'c') enough.resolve()
    }
    const watching = cluster.watchPods({ resourceVersion: '1', known, signal: stop.signal }, onEvent)
    await enough.promise
    stop.abort()
    await watching
    expect(events).toEqual(['ADDED b', 'DELETED a', 'ADDED c'])
    expect(asked.slice(0, 2)).toEqual(['1', '8'])
  })
})

it('a watch tells why it sees nothing when it failed twice, and when it sees again', async () => {
  let watches = 0
  const answer: RequestListener = (_request, response) => {
    watches += 1
    if (watches < 4) return say(response, 503, status('shutting down'))
    response.writeHead(200).flushHeaders()
    return undefined
  }
  await against(answer, async (cluster) => {
    const [told, stop, sees] = [[] as string[], new AbortController(), Promise.withResolvers<void>()]
    const onTrouble = (error: SluiceError | undefined): void => {
      told.push(error?.code ?? 'over')
      if (error === undefined) sees.resolve()
    }
    const watching = cluster.watchPods({ resourceVersion: '1', signal: stop.signal, onTrouble }, () => {})
    await sees.promise
    stop.abort()
    await watching
    expect(told).toEqual(['K8S-UNREACHABLE', 'K8S-UNREACHABLE', 'over'])
  })
})

it('ends a watch when the credentials are refused', async () => {
  await against(
    (_request, response) => say(response, 401, status('Unauthorized')),
    async (cluster) => {
      const watching = cluster.watchPods({ resourceVersion: '1', signal: new AbortController().signal }, () => {})
      await expect(watching).rejects.toMatchObject({ code: 'K8S-CREDENTIALS' })
    },
  )
})

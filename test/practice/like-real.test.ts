import { readFileSync } from 'node:fs'
import { request } from 'node:https'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { type Json, type JsonObject, listAt, numberAt, parseJson, textAt } from '../../src/practice/json.ts'
import { real } from '../lab/need.ts'
import { brief, openTestWorld, type TestWorld, until } from './open-practice.ts'

type Send = (method: string, path: string, body?: Json, type?: string) => Promise<{ status: number; body: Json }>

const NS = 'like-real'
const PODS = `/api/v1/namespaces/${NS}/pods`
const BUDGETS = `/apis/policy/v1/namespaces/${NS}/poddisruptionbudgets`
const MERGE = 'application/merge-patch+json'
const JSON_PATCH = 'application/json-patch+json'
const STRATEGIC = 'application/strategic-merge-patch+json'
const APPLY = 'application/apply-patch+yaml'

/** The API server of a kubeconfig that kubeadm made. */
function sender(kubeconfig: string): Send {
  const config = parse(readFileSync(kubeconfig, 'utf8')) as Json
  const secret = (list: string, one: string, key: string): Buffer =>
    Buffer.from(textAt(config, list, 0, one, key) ?? '', 'base64')
  const options = {
    ca: secret('clusters', 'cluster', 'certificate-authority-data'),
    cert: secret('users', 'user', 'client-certificate-data'),
    key: secret('users', 'user', 'client-key-data'),
  }
  return (method, path, body, type = 'application/json') => {
    const text = body === undefined ? '' : JSON.stringify(body)
    const headers = { 'content-type': type, 'content-length': Buffer.byteLength(text) }
    const url = new URL(path, textAt(config, 'clusters', 0, 'cluster', 'server'))
    return new Promise((resolve, reject) => {
      const sent = request(url, { ...options, method, headers }, (response) => {
        let said = ''
        response.on('data', (chunk: Buffer) => {
          said += chunk.toString()
        })
        response.on('end', () => {
          const isJson = response.headers['content-type'] === 'application/json' && !said.trim().includes('\n')
          resolve({ status: response.statusCode ?? 0, body: isJson ? parseJson(said) : said })
        })
      })
      sent.on('error', reject).end(text)
    })
  }
}

const pod = (name: string): JsonObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, labels: { app: 'mine' } },
  // A node that is not there has no kubelet that would end the pod.
  spec: { nodeName: 'nowhere', containers: [{ name: 'main', image: 'x' }], automountServiceAccountToken: false },
})
const eviction = (name: string, deleteOptions: JsonObject = {}): JsonObject => ({
  apiVersion: 'policy/v1',
  kind: 'Eviction',
  metadata: { name, namespace: NS },
  deleteOptions,
})
const budget = (name: string, app: string, minAvailable = 1): JsonObject => ({
  apiVersion: 'policy/v1',
  kind: 'PodDisruptionBudget',
  metadata: { name },
  spec: { minAvailable, selector: { matchLabels: { app } } },
})

/** Pods `one` and `two` under budget `tight`, `double` under two budgets, `free` under none: Running and Ready. */
async function furnish(send: Send): Promise<void> {
  await send('POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NS } })
  for (const [name, app] of [
    ['one', 'mine'],
    ['double', 'both'],
    ['free', 'none'],
    ['ill', 'mine'],
  ] as const) {
    const object = { ...pod(name), metadata: { name, labels: { app } } }
    const made = await until(
      () => send('POST', PODS, object),
      ({ status }) => status !== 403,
    )
    expect(made.status, JSON.stringify(made.body)).toBe(201)
    const ready = { type: 'Ready', status: name === 'ill' ? 'False' : 'True' }
    await send('PATCH', `${PODS}/${name}/status`, { status: { phase: 'Running', conditions: [ready] } }, MERGE)
  }
  for (const object of [budget('tight', 'mine'), budget('first', 'both', 0), budget('second', 'both', 0)]) {
    await send('POST', BUDGETS, object)
    const name = textAt(object, 'metadata', 'name') ?? ''
    const wanted = name === 'tight' ? 1 : 0
    await until(
      () => send('GET', `${BUDGETS}/${name}`),
      ({ body }) =>
        numberAt(body, 'status', 'observedGeneration') === 1 &&
        (numberAt(body, 'status', 'currentHealthy') ?? 0) >= wanted,
    )
  }
}

/** Uids, and the words of Go's parsers and of etcd's keys: no client reads them. */
const OWN_WORDS: readonly [RegExp, string][] = [
  [/[0-9a-f]{8}-[0-9a-f-]{27}/g, 'UID'],
  [/(continue key is not valid|must be of type Pod\)|unable to parse requirement).*/, '$1'],
  [/StorageError: .*AdditionalErrorMsg: /, ''],
]

/** What clients decide by: status, reason, the causes, and the text with what differs between servers cut out. */
function essence({ status, body }: { status: number; body: Json }): JsonObject {
  const message = OWN_WORDS.reduce((text, [words, kept]) => text.replace(words, kept), textAt(body, 'message') ?? '')
  const causes = listAt(body, 'details', 'causes').map((cause) => JSON.stringify(cause, ['reason', 'message', 'field']))
  return {
    status,
    kind: textAt(body, 'kind') ?? '',
    reason: textAt(body, 'reason') ?? '',
    message,
    // Upstream names some causes twice.
    causes: [...new Set(causes)],
    retryAfterSeconds: numberAt(body, 'details', 'retryAfterSeconds') ?? 0,
  }
}

/** What a watch by label tells of a config map that comes into sight, leaves it, comes back, changes and goes. */
async function watched(send: Send): Promise<string[]> {
  const path = `/api/v1/namespaces/${NS}/configmaps`
  const start = await send('GET', path)
  const from = textAt(start.body, 'metadata', 'resourceVersion') ?? ''
  await send('POST', path, { metadata: { name: 'thing', labels: { on: 'yes' } } })
  const label = (on: string) => send('PATCH', `${path}/thing`, { metadata: { labels: { on } } }, MERGE)
  await label('no')
  await label('yes')
  await send('PATCH', `${path}/thing`, { data: { a: 'b' } }, MERGE)
  await send('DELETE', `${path}/thing`)
  const query = `watch=1&resourceVersion=${from}&labelSelector=on%3Dyes&timeoutSeconds=1`
  const { body } = await send('GET', `${path}?${query}`)
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return brief(text.trim().split('\n').map(parseJson))
}

/** The answer to an eviction in a namespace that a finalizer of its own keeps from going. */
async function terminating(send: Send): Promise<JsonObject> {
  const name = `${NS}-ending`
  const pods = `/api/v1/namespaces/${name}/pods`
  await send('POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name } })
  const held = { ...pod('held'), metadata: { name: 'held', finalizers: ['example.org/wait'] } }
  await until(
    () => send('POST', pods, held),
    ({ status }) => status === 201,
  )
  await send('DELETE', `/api/v1/namespaces/${name}`)
  const body = { ...eviction('held'), metadata: { name: 'held', namespace: name } }
  const answer = essence(await send('POST', `${pods}/held/eviction`, body))
  await send('PATCH', `${pods}/held`, { metadata: { finalizers: null } }, MERGE)
  return answer
}

const CASES: readonly [string, string, string, Json?, string?][] = [
  ['a pod that is not there', 'GET', `${PODS}/nobody`],
  ['a path that is not served', 'GET', '/apis/example.org/v1/things'],
  ['a name that is taken', 'POST', PODS, pod('one')],
  ['a namespace that is not there', 'POST', '/api/v1/namespaces/nowhere/pods', pod('x')],
  ['a patch for another uid', 'PATCH', `${PODS}/one`, { metadata: { uid: 'other', labels: { a: 'b' } } }, MERGE],
  [
    'a patch for another version',
    'PATCH',
    `${PODS}/one`,
    { metadata: { resourceVersion: '1', labels: { a: 'b' } } },
    MERGE,
  ],
  ['a patch of a kind nobody knows', 'PATCH', `${PODS}/one`, {}, 'text/plain'],
  ['a patch of what is not there', 'PATCH', `${PODS}/nobody`, {}, MERGE],
  [
    'a JSON patch whose test fails',
    'PATCH',
    `${PODS}/one`,
    [{ op: 'test', path: '/metadata/name', value: 'x' }],
    JSON_PATCH,
  ],
  [
    'a JSON patch of what is missing',
    'PATCH',
    `${PODS}/one`,
    [{ op: 'remove', path: '/metadata/labels/no' }],
    JSON_PATCH,
  ],
  ['an apply without a manager', 'PATCH', `${PODS}/one`, pod('one'), APPLY],
  ['a field nobody can select by', 'GET', `${PODS}?fieldSelector=spec.nothing%3D1`],
  ['a token of no list', 'GET', `${PODS}?limit=1&continue=nonsense`],
  ['an eviction for another name', 'POST', `${PODS}/one/eviction`, eviction('two')],
  ['an eviction of nobody', 'POST', `${PODS}/nobody/eviction`, eviction('nobody')],
  [
    'an eviction of another uid',
    'POST',
    `${PODS}/free/eviction`,
    eviction('free', { preconditions: { uid: 'other' } }),
  ],
  ['an eviction against a budget', 'POST', `${PODS}/one/eviction`, eviction('one')],
  ['an eviction under two budgets', 'POST', `${PODS}/double/eviction`, eviction('double')],
  ['an eviction as a dry run', 'POST', `${PODS}/free/eviction`, eviction('free', { dryRun: ['All'] })],
  [
    'an eviction of an unready pod beside a healthy one',
    'POST',
    `${PODS}/ill/eviction`,
    eviction('ill', { dryRun: ['All'] }),
  ],
  ['a deletion of another uid', 'DELETE', `${PODS}/free`, { preconditions: { uid: 'other' } }],
  ['a deletion of nobody', 'DELETE', `${PODS}/nobody`],
  ['an eviction', 'POST', `${PODS}/free/eviction`, eviction('free')],
  ['the same eviction again', 'POST', `${PODS}/free/eviction`, eviction('free')],
  [
    'a replacement of another uid',
    'PUT',
    `${BUDGETS}/tight`,
    { ...budget('tight', 'mine'), metadata: { name: 'tight', uid: 'other' } },
  ],
  ['a cordon of nobody', 'PATCH', '/api/v1/nodes/nobody', { spec: { unschedulable: true } }, MERGE],
  ['a body that is no JSON object', 'POST', PODS, []],
  ['a label nobody can select by', 'GET', `${PODS}?labelSelector=a%3D%3D%3Db`],
  ['a pod without a name', 'POST', PODS, { ...pod(''), metadata: { labels: { app: 'x' } } }],
  [
    'a strategic patch that takes a label away',
    'PATCH',
    `${PODS}/one`,
    { metadata: { labels: { app: null } } },
    STRATEGIC,
  ],
  ['an eviction that no budget minds any more', 'POST', `${PODS}/one/eviction`, eviction('one', { dryRun: ['All'] })],
  [
    'a replacement of an old version',
    'PUT',
    `${BUDGETS}/tight`,
    { ...budget('tight', 'mine'), metadata: { name: 'tight', resourceVersion: '1' } },
  ],
]

await real(['kube'], 'practice answers as the real API server does', (kube) => {
  let world: TestWorld
  let practice: Send
  const server = sender(kube.kubeconfig)
  beforeAll(async () => {
    world = await openTestWorld()
    practice = (method, path, body, type) => world.api('p10', method, path, body, type)
    await Promise.all([furnish(practice), furnish(server)])
  })
  afterAll(async () => {
    await world.stop()
    await server('DELETE', `/api/v1/namespaces/${NS}`)
  })
  it('shows a watch the same events, selectors and all', async () => {
    const seen = await Promise.all([watched(practice), watched(server)])
    expect(seen[0]).toEqual(['ADDED thing', 'DELETED thing', 'ADDED thing', 'MODIFIED thing', 'DELETED thing'])
    expect(seen[0]).toEqual(seen[1])
  })

  it('refuses evictions in a namespace that ends in the same words (DR-37)', async () => {
    const answers = await Promise.all([terminating(practice), terminating(server)])
    expect(answers[0]).toMatchObject({ status: 403, reason: 'Forbidden' })
    expect(answers[0]).toEqual(answers[1])
  })

  describe('asked for', () => {
    it.each(CASES)('%s', async (_what, method, path, body, type) => {
      const [ours, theirs] = [await practice(method, path, body, type), await server(method, path, body, type)]
      expect(essence(ours)).toEqual(essence(theirs))
    })
  })
})

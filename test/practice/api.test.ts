import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { at, type Json, listAt, numberAt, textAt } from '../../src/practice/json.ts'
import { ask, openTestWorld, type TestWorld } from './open-practice.ts'

let world: TestWorld
beforeAll(async () => {
  world = await openTestWorld()
})
afterAll(() => world.stop())

const MERGE = 'application/merge-patch+json'
const STRATEGIC = 'application/strategic-merge-patch+json'
const JSON_PATCH = 'application/json-patch+json'
const NODE = '/api/v1/nodes/server84'
const names = (body: Json): (string | undefined)[] =>
  listAt(body, 'items').map((item) => textAt(item, 'metadata', 'name'))

describe('reading', () => {
  it('lists the nodes of p10 and c2 as the registry has them', async () => {
    const p10 = await world.api('p10', 'GET', '/api/v1/nodes')
    expect(names(p10.body)).toEqual(
      [22, 23, 24, 25, 26, 27, 63, 64, 65, 66, 83, 84, 85, 86].map((number) => `server${number}`),
    )
    const versions = listAt(p10.body, 'items').map((node) => textAt(node, 'status', 'nodeInfo', 'kubeletVersion'))
    expect(versions.filter((version) => version === 'v1.22.2')).toHaveLength(1)
    const c2 = await world.api('c2', 'GET', '/api/v1/nodes?labelSelector=node-role.kubernetes.io/control-plane')
    expect(names(c2.body)).toEqual(['server47', 'server48', 'server59'])
    const cordoned = await world.api('c2', 'GET', '/api/v1/nodes?fieldSelector=spec.unschedulable=true')
    expect(names(cordoned.body)).toEqual(['server60'])
  })

  it('names itself: discovery with pods/eviction, version, readiness, kube-system uid as pinned', async () => {
    const { body } = await world.api('p10', 'GET', '/api/v1')
    const eviction = listAt(body, 'resources').find((one) => textAt(one, 'name') === 'pods/eviction')
    expect(eviction).toMatchObject({ kind: 'Eviction', group: 'policy', version: 'v1' })
    expect(textAt((await world.api('p10', 'GET', '/version')).body, 'gitVersion')).toBe('v1.22.0')
    expect((await world.api('p10', 'GET', '/readyz')).text).toBe('ok')
    const system = await world.api('p10', 'GET', '/api/v1/namespaces/kube-system')
    expect(textAt(system.body, 'metadata', 'uid')).toBe(world.file.clusters['p10']?.uid)
    expect(world.file.clusters['p10']?.uid).not.toBe(world.file.clusters['c2']?.uid)
  })

  it('refuses strangers and speaks in Status objects', async () => {
    const stranger = await ask(world.file, 'p10', 'GET', NODE, { token: 'guess' })
    expect(stranger.status).toBe(401)
    expect(stranger.body).toMatchObject({ kind: 'Status', reason: 'Unauthorized', code: 401 })
    const missing = await world.api('p10', 'GET', '/api/v1/nodes/server99')
    expect(missing.body).toMatchObject({ message: 'nodes "server99" not found', reason: 'NotFound', code: 404 })
    expect((await world.api('p10', 'GET', '/apis/example.org/v1/things')).status).toBe(404)
    expect((await world.api('p10', 'GET', '/api/v1/pods?fieldSelector=spec.nothing=1')).status).toBe(400)
  })

  it('pages a list of one moment; a forgotten page is 410', async () => {
    const first = await world.api('p10', 'GET', '/api/v1/nodes?limit=5')
    expect(numberAt(first.body, 'metadata', 'remainingItemCount')).toBe(9)
    const token = textAt(first.body, 'metadata', 'continue') ?? ''
    const second = await world.api('p10', 'GET', `/api/v1/nodes?limit=500&continue=${token}`)
    expect([...names(first.body), ...names(second.body)]).toHaveLength(14)
    expect(new Set([...names(first.body), ...names(second.body)]).size).toBe(14)
    expect(textAt(second.body, 'metadata', 'resourceVersion')).toBe(textAt(first.body, 'metadata', 'resourceVersion'))
    await world.tell({ event: 'compact', cluster: 'p10' })
    const late = await world.api('p10', 'GET', `/api/v1/nodes?limit=500&continue=${token}`)
    expect(late.body).toMatchObject({ code: 410, reason: 'Expired' })
  })

  it('shows kubectl a table', async () => {
    const headers = { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json' }
    const { body } = await ask(world.file, 'p10', 'GET', '/api/v1/nodes', { headers })
    const server65 = listAt(body, 'rows').find((row) => at(row, 'cells', 0) === 'server65')
    expect(at(server65, 'cells')).toEqual(['server65', 'Ready', 'control-plane,master', '52d', 'v1.22.0'])
  })
})

describe('the clock', () => {
  it('runs ahead as asked, in the Date header and in leases', async () => {
    const offsetMs = 5 * 86_400_000
    const ahead = await openTestWorld(offsetMs)
    try {
      const answer = await ahead.api(
        'p10',
        'GET',
        '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/server63',
      )
      const dateMs = Date.parse(String(answer.headers['date']))
      expect(Math.abs(dateMs - Date.now() - offsetMs)).toBeLessThan(60_000)
      expect(Math.abs(Date.parse(textAt(answer.body, 'spec', 'renewTime') ?? '') - dateMs)).toBeLessThan(20_000)
    } finally {
      await ahead.stop()
    }
  })
})

describe('writing', () => {
  it('cordons by merge patch; the node controller adds its taint', async () => {
    const { body, status } = await world.api('p10', 'PATCH', NODE, { spec: { unschedulable: true } }, MERGE)
    expect([status, at(body, 'spec', 'unschedulable')]).toEqual([200, true])
    const back = await world.api('p10', 'PATCH', NODE, { spec: { unschedulable: null } }, MERGE)
    expect(at(back.body, 'spec', 'unschedulable')).toBeUndefined()
  })

  it('merges lists by key in a strategic patch, and heeds $patch: delete', async () => {
    const taint = (key: string) => ({ key, effect: 'NoSchedule' })
    await world.api('p10', 'PATCH', NODE, { spec: { taints: [taint('a')] } }, STRATEGIC)
    const two = await world.api('p10', 'PATCH', NODE, { spec: { taints: [taint('b')] } }, STRATEGIC)
    expect(listAt(two.body, 'spec', 'taints').map((one) => textAt(one, 'key'))).toEqual(['a', 'b'])
    const patch = {
      spec: {
        taints: [
          { $patch: 'delete', key: 'a' },
          { $patch: 'delete', key: 'b' },
        ],
      },
    }
    const none = await world.api('p10', 'PATCH', NODE, patch, STRATEGIC)
    expect(listAt(none.body, 'spec', 'taints')).toEqual([])
  })

  it('applies a JSON patch whole or not at all', async () => {
    const add = { op: 'add', path: '/metadata/annotations/sluice~1note', value: 'x' }
    const wrong = { op: 'test', path: '/metadata/annotations/sluice~1note', value: 'y' }
    expect((await world.api('p10', 'PATCH', NODE, [add, wrong], JSON_PATCH)).status).toBe(422)
    expect(textAt((await world.api('p10', 'GET', NODE)).body, 'metadata', 'annotations', 'sluice/note')).toBeUndefined()
    const done = await world.api('p10', 'PATCH', NODE, [add], JSON_PATCH)
    expect(textAt(done.body, 'metadata', 'annotations', 'sluice/note')).toBe('x')
  })

  it('applies server-side, makes what is missing, and wants a field manager', async () => {
    const path = '/api/v1/namespaces/acme/configmaps/notes'
    const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'notes' }, data: { a: '1' } }
    const APPLY = 'application/apply-patch+yaml'
    expect((await world.api('p10', 'PATCH', path, object, APPLY)).status).toBe(422)
    expect((await world.api('p10', 'PATCH', `${path}?fieldManager=test`, object, APPLY)).status).toBe(201)
    const again = await world.api('p10', 'PATCH', `${path}?fieldManager=test`, { ...object, data: { b: '2' } }, APPLY)
    expect(at(again.body, 'data')).toEqual({ a: '1', b: '2' })
  })

  it.each([
    ['resourceVersion', { resourceVersion: '1' }, { code: 409, reason: 'Conflict' }],
    ['uid', { uid: 'somebody-else' }, { code: 422, reason: 'Invalid' }],
  ])('refuses a patch whose %s is another one', async (_what, metadata, answer) => {
    const refused = await world.api('p10', 'PATCH', NODE, { metadata, spec: { unschedulable: true } }, MERGE)
    expect(refused.body).toMatchObject(answer)
    expect(at((await world.api('p10', 'GET', NODE)).body, 'spec', 'unschedulable')).toBeUndefined()
  })

  it('makes no new version of what does not change, and a new generation of a new spec', async () => {
    const before = (await world.api('p10', 'GET', NODE)).body
    const same = await world.api('p10', 'PATCH', NODE, { metadata: { labels: {} } }, MERGE)
    expect(textAt(same.body, 'metadata', 'resourceVersion')).toBe(textAt(before, 'metadata', 'resourceVersion'))
    const path = '/apis/policy/v1/namespaces/acme/poddisruptionbudgets/shop-web'
    const generation = numberAt((await world.api('p10', 'GET', path)).body, 'metadata', 'generation') ?? 0
    const changed = await world.api('p10', 'PATCH', path, { spec: { minAvailable: 1 } }, MERGE)
    expect(numberAt(changed.body, 'metadata', 'generation')).toBe(generation + 1)
  })

  it('changes nothing in a dry run', async () => {
    const path = `${NODE}?dryRun=All`
    const dry = await world.api('p10', 'PATCH', path, { spec: { unschedulable: true } }, MERGE)
    expect(at(dry.body, 'spec', 'unschedulable')).toBe(true)
    expect(at((await world.api('p10', 'GET', NODE)).body, 'spec', 'unschedulable')).toBeUndefined()
  })

  it('creates, replaces with the right version only, keeps the status apart, and deletes by uid', async () => {
    const path = '/apis/policy/v1/namespaces/acme/poddisruptionbudgets'
    const spec = { minAvailable: 1, selector: { matchLabels: { app: 'none' } } }
    const made = await world.api('p10', 'POST', path, { metadata: { name: 'mine' }, spec })
    expect(made.status).toBe(201)
    expect((await world.api('p10', 'POST', path, { metadata: { name: 'mine' }, spec })).body).toMatchObject({
      reason: 'AlreadyExists',
    })
    const stale = { ...(made.body as { metadata: object }), metadata: { name: 'mine', resourceVersion: '1' }, spec }
    expect((await world.api('p10', 'PUT', `${path}/mine`, stale as Json)).status).toBe(409)
    const status = { metadata: { name: 'mine' }, spec: { minAvailable: 9 }, status: { currentHealthy: 7 } }
    const written = await world.api('p10', 'PUT', `${path}/mine/status`, status)
    expect([at(written.body, 'spec', 'minAvailable'), at(written.body, 'status', 'currentHealthy')]).toEqual([1, 7])
    expect((await world.api('p10', 'DELETE', `${path}/mine`, { preconditions: { uid: 'another' } })).status).toBe(409)
    expect((await world.api('p10', 'DELETE', `${path}/mine`)).body).toMatchObject({ status: 'Success' })
    expect((await world.api('p10', 'GET', `${path}/mine`)).status).toBe(404)
  })

  it('refuses what it cannot read', async () => {
    expect((await world.api('p10', 'PATCH', NODE, {}, 'text/plain')).status).toBe(415)
    expect((await world.api('p10', 'POST', '/api/v1/namespaces/acme/pods', [])).status).toBe(400)
    expect(
      (await world.api('p10', 'POST', '/api/v1/namespaces/nowhere/pods', { metadata: { name: 'x' } })).status,
    ).toBe(404)
  })
})

describe('planted failures', () => {
  it('answers the next matching requests so, then works again', async () => {
    await world.tell({
      event: 'fail',
      path: '/nodes/server85',
      status: 429,
      reason: 'TooManyRequests',
      retryAfterSeconds: 1,
      times: 2,
    })
    const path = '/api/v1/nodes/server85'
    const first = await world.api('p10', 'GET', path)
    expect([first.status, first.headers['retry-after']]).toEqual([429, '1'])
    expect((await world.api('p10', 'GET', '/api/v1/nodes/server86')).status).toBe(200)
    expect((await world.api('p10', 'GET', path)).status).toBe(429)
    expect((await world.api('p10', 'GET', path)).status).toBe(200)
  })

  it('cuts a connection, and refuses an event it does not know', async () => {
    await world.tell({ event: 'fail', path: '/nodes/server85', cut: true })
    await expect(world.api('p10', 'GET', '/api/v1/nodes/server85')).rejects.toThrow()
    expect(await world.tell({ event: 'earthquake' })).toBe(400)
    expect(await world.tell({ event: 'node', cluster: 'p10', node: 'server99', down: true })).toBe(422)
  })
})

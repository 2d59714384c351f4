import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Json, type JsonObject, numberAt, textAt } from '../../src/practice/json.ts'
import { type Answer, openTestWorld, type TestWorld, until } from './open-practice.ts'

let world: TestWorld
beforeEach(async () => {
  world = await openTestWorld()
})
afterEach(() => world.stop())

const PODS = '/api/v1/namespaces/acme/pods'
const BUDGETS = '/apis/policy/v1/namespaces/acme/poddisruptionbudgets'

/** A pod that stays as it is: no controller touches it. */
async function pod(name: string, { phase = 'Running', ready = true, ...metadata }: JsonObject = {}): Promise<string> {
  const status = { phase, conditions: [{ type: 'Ready', status: ready === true ? 'True' : 'False' }] }
  const annotations = { 'practice/ready-after': 'never', 'practice/terminates-after': 'never' }
  const object = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'acme', labels: { app: 'mine' }, annotations, ...metadata },
    spec: { nodeName: 'server85', containers: [{ name: 'main', image: 'x' }] },
    status,
  }
  await world.tell({ event: 'pause', cluster: 'p10', controllers: ['kubelet'] })
  expect(await world.tell({ event: 'apply', cluster: 'p10', object })).toBe(200)
  return textAt((await world.api('p10', 'GET', `${PODS}/${name}`)).body, 'metadata', 'uid') ?? ''
}

async function budget(name: string, spec: JsonObject, wait: (status: Json) => boolean = () => true): Promise<void> {
  await world.api('p10', 'POST', BUDGETS, {
    metadata: { name },
    spec: { ...spec, selector: { matchLabels: { app: 'mine' } } },
  })
  await until(
    async () => (await world.api('p10', 'GET', `${BUDGETS}/${name}`)).body,
    (body) => numberAt(body, 'status', 'observedGeneration') === 1 && wait(body),
  )
}

const evict = (name: string, deleteOptions: JsonObject = {}): Promise<Answer> =>
  world.api('p10', 'POST', `${PODS}/${name}/eviction`, {
    apiVersion: 'policy/v1',
    kind: 'Eviction',
    metadata: { name, namespace: 'acme' },
    deleteOptions,
  })
const isMarked = async (name: string): Promise<boolean> =>
  textAt((await world.api('p10', 'GET', `${PODS}/${name}`)).body, 'metadata', 'deletionTimestamp') !== undefined

describe('without a budget', () => {
  it('answers 201 and marks the pod with its grace', async () => {
    await pod('free')
    const answer = await evict('free', { gracePeriodSeconds: 7 })
    expect([answer.status, textAt(answer.body, 'status')]).toEqual([201, 'Success'])
    const { body } = await world.api('p10', 'GET', `${PODS}/free`)
    expect(numberAt(body, 'metadata', 'deletionGracePeriodSeconds')).toBe(7)
  })

  it('answers 404 for a pod that is gone, and 409 for another uid (DR-53)', async () => {
    expect((await evict('nobody')).status).toBe(404)
    const uid = await pod('free')
    const other = await evict('free', { preconditions: { uid: 'another' } })
    expect(other.body).toMatchObject({ code: 409, reason: 'Conflict' })
    expect(await isMarked('free')).toBe(false)
    expect((await evict('free', { preconditions: { uid } })).status).toBe(201)
  })

  it('changes nothing in a dry run (DR-51)', async () => {
    await pod('free')
    expect((await evict('free', { dryRun: ['All'] })).status).toBe(201)
    expect(await isMarked('free')).toBe(false)
  })
})

describe('under a budget', () => {
  it('takes from it, and refuses with the words of upstream when it is empty (DR-28)', async () => {
    await pod('one')
    await pod('two')
    await budget('tight', { minAvailable: 1 }, (body) => numberAt(body, 'status', 'disruptionsAllowed') === 1)
    await world.tell({ event: 'pause', cluster: 'p10', controllers: ['kubelet', 'disruption'] })
    expect((await evict('one')).status).toBe(201)
    const refused = await evict('two')
    expect(refused.body).toMatchObject({ code: 429, reason: 'TooManyRequests' })
    expect(refused.body).toMatchObject({
      message: "Cannot evict pod as it would violate the pod's disruption budget.",
      details: {
        causes: [
          {
            reason: 'DisruptionBudget',
            message: 'The disruption budget tight needs 1 healthy pods and has 2 currently',
          },
        ],
      },
    })
    expect(await isMarked('two')).toBe(false)
    await world.tell({ event: 'pause', cluster: 'p10', controllers: ['kubelet'] })
    const counted = await until(
      () => evict('two'),
      (answer) => answer.text.includes('has 1 currently'),
    )
    expect(counted.status).toBe(429)
  })

  it('asks for patience while the budget is new (DR-30)', async () => {
    await pod('one')
    await world.tell({ event: 'pause', cluster: 'p10', controllers: ['kubelet', 'disruption'] })
    await world.api('p10', 'POST', BUDGETS, {
      metadata: { name: 'new' },
      spec: { minAvailable: 0, selector: { matchLabels: { app: 'mine' } } },
    })
    const refused = await evict('one')
    expect(refused.body).toMatchObject({ code: 429, details: { retryAfterSeconds: 10 } })
    expect(refused.headers['retry-after']).toBe('10')
    expect(refused.text).toContain('The disruption budget new is still being processed by the server.')
  })

  it('cannot serve two budgets (DR-33)', async () => {
    await pod('one')
    await budget('a', { minAvailable: 0 })
    await budget('b', { minAvailable: 0 })
    const refused = await evict('one')
    expect(refused.body).toMatchObject({
      code: 500,
      message: 'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.',
    })
  })

  it.each(['Pending', 'Succeeded', 'Failed'])('does not ask it about a pod that is %s (DR-34)', async (phase) => {
    await pod('one', { phase, ready: false })
    await budget('tight', { minAvailable: 5 })
    expect((await evict('one')).status).toBe(201)
  })

  it('does not ask it about a pod that terminates already (DR-34, DR-56)', async () => {
    await pod('one')
    await evict('one')
    await budget('tight', { minAvailable: 5 })
    expect((await evict('one')).status).toBe(201)
  })

  it('lets an unready pod go where enough others are healthy, or the policy says always (DR-35)', async () => {
    await pod('well')
    await pod('ill', { ready: false })
    await budget('tight', { minAvailable: 1 }, (body) => numberAt(body, 'status', 'currentHealthy') === 1)
    expect((await evict('well')).status).toBe(429)
    expect((await evict('ill')).status).toBe(201)
    await pod('worse', { ready: false })
    await world.api('p10', 'DELETE', `${BUDGETS}/tight`)
    await budget('strict', { minAvailable: 3 })
    expect((await evict('worse')).status).toBe(429)
    await world.api('p10', 'DELETE', `${BUDGETS}/strict`)
    await budget('kind', { minAvailable: 3, unhealthyPodEvictionPolicy: 'AlwaysAllow' })
    expect((await evict('worse')).status).toBe(201)
  })

  it('does not let an unready pod go for free where nothing need be healthy (DR-35)', async () => {
    await pod('ill', { ready: false })
    await budget('none', { minAvailable: 0 })
    expect((await evict('ill')).status).toBe(429)
  })

  it('keeps its count in a dry run (DR-51)', async () => {
    await pod('one')
    await budget('tight', { minAvailable: 0 }, (body) => numberAt(body, 'status', 'disruptionsAllowed') === 1)
    expect((await evict('one', { dryRun: ['All'] })).status).toBe(201)
    const { body } = await world.api('p10', 'GET', `${BUDGETS}/tight`)
    expect(numberAt(body, 'status', 'disruptionsAllowed')).toBe(1)
  })
})

describe('in a namespace that goes', () => {
  it('answers 403 with the cause NamespaceTerminating (DR-37)', async () => {
    await pod('one')
    await world.tell({ event: 'pause', cluster: 'p10', controllers: ['kubelet', 'namespaces'] })
    await world.api('p10', 'DELETE', '/api/v1/namespaces/acme')
    const refused = await evict('one')
    expect(refused.body).toMatchObject({ code: 403, details: { causes: [{ reason: 'NamespaceTerminating' }] } })
  })
})

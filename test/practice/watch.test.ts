import { afterEach, beforeEach, expect, it } from 'vitest'
import { type Json, textAt } from '../../src/practice/json.ts'
import { brief, openTestWorld, type TestWorld, until, watch } from './open-practice.ts'

let world: TestWorld
beforeEach(async () => {
  world = await openTestWorld()
})
afterEach(() => world.stop())

const MERGE = 'application/merge-patch+json'
const CONFIG = '/api/v1/namespaces/acme/configmaps'
const version = async (path: string): Promise<string> =>
  textAt((await world.api('p10', 'GET', path)).body, 'metadata', 'resourceVersion') ?? ''
const add = (name: string, labels: Record<string, string> = {}): Promise<unknown> =>
  world.api('p10', 'POST', CONFIG, { metadata: { name, labels } })
const seen = (events: Json[], count: number): Promise<Json[]> =>
  until(
    async () => events,
    (all) => all.length >= count,
  )

it('goes on from a resource version: what came after it, once, in order', async () => {
  await add('before')
  const from = await version(CONFIG)
  await add('one')
  const stream = watch(world.file, 'p10', `${CONFIG}?watch=true&resourceVersion=${from}`)
  await seen(stream.events, 1)
  await world.api('p10', 'PATCH', `${CONFIG}/one`, { data: { a: '1' } }, MERGE)
  await world.api('p10', 'DELETE', `${CONFIG}/one`)
  await seen(stream.events, 3)
  stream.stop()
  expect(brief(stream.events)).toEqual(['ADDED one', 'MODIFIED one', 'DELETED one'])
})

it('shows what selectors let in and out as ADDED and DELETED', async () => {
  await add('thing')
  const from = await version(CONFIG)
  const stream = watch(world.file, 'p10', `${CONFIG}?watch=1&resourceVersion=${from}&labelSelector=on%3Dyes`)
  const label = (on: string | null) =>
    world.api('p10', 'PATCH', `${CONFIG}/thing`, { metadata: { labels: { on } } }, MERGE)
  await label('yes')
  await label('no')
  await seen(stream.events, 2)
  stream.stop()
  expect(brief(stream.events)).toEqual(['ADDED thing', 'DELETED thing'])
})

it('sends bookmarks to those who asked, with the newest version', async () => {
  const from = await version(CONFIG)
  const stream = watch(world.file, 'p10', `${CONFIG}?watch=1&resourceVersion=${from}&allowWatchBookmarks=true`)
  await world.api('p10', 'PATCH', '/api/v1/nodes/server84', { metadata: { labels: { x: 'y' } } }, MERGE)
  const newest = Number(await version('/api/v1/nodes/server84'))
  const marks = await until(
    async () => stream.events.filter((event) => textAt(event, 'type') === 'BOOKMARK'),
    (all) => Number(textAt(all.at(-1), 'object', 'metadata', 'resourceVersion') ?? 0) >= newest,
  )
  stream.stop()
  expect(textAt(marks.at(-1), 'object', 'kind')).toBe('ConfigMap')
})

it('ends initial events with the marked bookmark', async () => {
  await add('thing')
  const query = 'watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true'
  const stream = watch(world.file, 'p10', `${CONFIG}?${query}`)
  await seen(stream.events, 2)
  stream.stop()
  expect(brief(stream.events).slice(0, 2)).toEqual(['ADDED thing', 'BOOKMARK'])
  expect(textAt(stream.events[1], 'object', 'metadata', 'annotations', 'k8s.io/initial-events-end')).toBe('true')
})

it('answers a version that history no longer holds with an ERROR of 410, and ends', async () => {
  const from = await version(CONFIG)
  await add('lost')
  await world.tell({ event: 'compact', cluster: 'p10' })
  const stream = watch(world.file, 'p10', `${CONFIG}?watch=1&resourceVersion=${from}`)
  await stream.ended
  expect(stream.events).toHaveLength(1)
  expect(stream.events[0]).toMatchObject({ type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired' } })
})

it('ends by itself after timeoutSeconds, and when the server drops its watches', async () => {
  const timed = watch(world.file, 'p10', `${CONFIG}?watch=1&timeoutSeconds=1`)
  await timed.ended
  const cut = watch(world.file, 'p10', `${CONFIG}?watch=1`)
  await add('seen')
  await seen(cut.events, 1)
  await world.tell({ event: 'cut-watches', cluster: 'p10' })
  await cut.ended
  expect(brief(cut.events)).toEqual(['ADDED seen'])
})

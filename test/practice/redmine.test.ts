import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Json, listAt, parseJson, textAt } from '../../src/practice/json.ts'
import { openTestWorld, type TestWorld } from './open-practice.ts'

let world: TestWorld
beforeAll(async () => {
  world = await openTestWorld()
})
afterAll(() => world.stop())

async function ask(
  path: string,
  init: RequestInit = {},
  key = world.file.redmine.apiKey,
): Promise<{ status: number; body: Json }> {
  const headers = { 'x-redmine-api-key': key, 'content-type': 'application/json' }
  const answer = await fetch(world.file.redmine.url + path, { headers, ...init })
  const text = await answer.text()
  return { status: answer.status, body: text === '' ? null : parseJson(text) }
}

it.each([
  ['1234', false, 'server23 gets a new disk'],
  ['1300', false, 'server84 reboots by itself'],
  ['2000', true, 'p10: renew the certificates'],
])('has ticket %s, closed: %s', async (id, closed, subject) => {
  const { status, body } = await ask(`/issues/${id}.json`)
  expect(status).toBe(200)
  expect(body).toMatchObject({ issue: { id: Number(id), subject, status: { is_closed: closed } } })
})

it('keeps notes in order, and shows them to who asks for journals', async () => {
  for (const notes of ['one', 'two']) {
    const body = JSON.stringify({ issue: { notes } })
    expect((await ask('/issues/1300.json', { method: 'PUT', body })).status).toBe(204)
  }
  const { body } = await ask('/issues/1300.json?include=journals')
  expect(listAt(body, 'issue', 'journals').map((journal) => textAt(journal, 'notes'))).toEqual(['one', 'two'])
  expect(listAt((await ask('/issues/1300.json')).body, 'issue', 'journals')).toEqual([])
})

it('knows whose key it is, and refuses another', async () => {
  expect(textAt((await ask('/users/current.json')).body, 'user', 'login')).toBe('sluice')
  expect((await ask('/users/current.json', {}, 'guess')).status).toBe(401)
  expect((await ask('/issues/1234.json', {}, 'guess')).status).toBe(401)
})

it('lists open tickets, and has no others', async () => {
  const { body } = await ask('/issues.json')
  expect(listAt(body, 'issues')).toHaveLength(2)
  expect((await ask('/issues/99.json')).status).toBe(404)
  expect((await ask('/issues/99.json', { method: 'PUT', body: '{"issue":{"notes":"x"}}' })).status).toBe(404)
})

it('is down, comes back, and gets tickets as told', async () => {
  await world.tell({ event: 'redmine', down: true })
  expect((await ask('/issues/1234.json')).status).toBe(503)
  await world.tell({ event: 'redmine', down: false })
  await world.tell({ event: 'ticket', id: 77, subject: 'new', open: true })
  expect((await ask('/issues/77.json')).body).toMatchObject({ issue: { subject: 'new' } })
})

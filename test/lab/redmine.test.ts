import { expect, test } from 'vitest'
import { real } from './need.ts'
import { attachRedmine } from './redmine.ts'

await real(['redmine'], 'the shared Redmine', (redmine) => {
  test('an issue is opened, closed and opened again', async () => {
    const { createIssue, close, reopen, notes } = attachRedmine(redmine)
    const id = await createIssue('Disk of server23')
    const closed = async () => {
      const answer = await fetch(`${redmine.url}/issues/${id}.json`, {
        headers: { 'X-Redmine-API-Key': redmine.botKey },
      })
      return ((await answer.json()) as { issue: { status: { is_closed: boolean } } }).issue.status.is_closed
    }
    await close(id)
    expect(await closed()).toBe(true)
    await reopen(id)
    expect(await closed()).toBe(false)
    expect(await notes(id)).toEqual([])
  })

  test('a wrong key is refused, and the bot cannot see the other project', async () => {
    const hidden = await attachRedmine(redmine).createIssue('Secret', 'secret')
    const status = async (key: string, path: string) =>
      (await fetch(redmine.url + path, { headers: { 'X-Redmine-API-Key': key } })).status
    expect(await status('wrong', '/users/current.json')).toBe(401)
    expect(await status(redmine.botKey, `/issues/${hidden}.json`)).toBe(403)
  })
})

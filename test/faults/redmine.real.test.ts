import { expect, test } from 'vitest'
import { openTickets } from '../../src/systems/redmine/adapter.ts'
import { type Asked, type Front, frontTo, type Way } from '../lab/front.ts'
import { real } from '../lab/need.ts'
import { attachRedmine } from '../lab/redmine.ts'

const isWrite = ({ method }: Asked): boolean => method === 'PUT'
/** The nth request that matches goes this way, every other one passes. */
function nth(front: Front, matches: (asked: Asked) => boolean, which: number, way: Way): void {
  let seen = 0
  front.decide((asked) => (matches(asked) && ++seen === which ? way : 'pass'))
}

await real(['redmine'], 'a note while Redmine is in trouble', (redmine) => {
  test.each([
    ['the answer to the note is lost', isWrite, 1, 'lost', 'there'],
    ['the note is cut off', isWrite, 1, 'reset', 'written'],
    ['the note is never answered', isWrite, 1, 'hang', 'written'],
    ['a 500 for the note', isWrite, 1, { status: 500, body: '<html>' }, 'written'],
    ['a 503 of a proxy for the note', isWrite, 1, { status: 503, body: '' }, 'written'],
    ['the look before the note is lost', (asked: Asked) => !isWrite(asked), 2, 'lost', 'written'],
    ['the look after the note is lost', (asked: Asked) => !isWrite(asked), 3, 'lost', 'there'],
    ['the look after the note meets a 502', (asked: Asked) => !isWrite(asked), 3, { status: 502, body: '' }, 'there'],
  ] satisfies [string, (asked: Asked) => boolean, number, Way, 'there' | 'written'][])(
    '%s: told as unreachable, and there once in the end',
    async (_what, matches, which, way, then) => {
      const lab = attachRedmine(redmine)
      const [id, front] = await Promise.all([lab.createIssue('Disk of server23'), frontTo(redmine.url)])
      const tickets = openTickets({
        url: front.url,
        apiKey: redmine.botKey,
        timeoutMs: way === 'hang' ? 3_000 : 30_000,
      })
      const note = () => tickets.note(id, { marker: 'sluice:1:plan', text: 'what will be done' })
      try {
        nth(front, matches, which, way)
        await expect(note()).rejects.toMatchObject({ code: 'REDMINE-UNREACHABLE' })
        expect(await note()).toBe(then)
        expect((await lab.notes(id)).map(({ notes }) => notes.split('\n').at(-1))).toEqual(['sluice:1:plan'])
      } finally {
        await front.stop()
      }
    },
  )
})

import { Readable } from 'node:stream'
import { expect, test } from 'vitest'
import { runParse } from '../../src/cli/parse.ts'
import { COMMANDS } from '../../src/commands/registry.ts'
import { KNOWN } from '../../src/commands/not-yet.ts'
import { inventory, rooms } from './inventory.ts'

async function run(lines: readonly string[], json = true): Promise<readonly unknown[]> {
  const written: string[] = []
  const output = { write: (text: string) => written.push(text) }
  const input = Readable.from([`${lines.join('\n')}\n`])
  expect(
    await runParse({ json, commands: COMMANDS, known: KNOWN, inventory, rooms: Object.values(rooms), input, output }),
  ).toBe(0)
  return written.map((line) => JSON.parse(line) as unknown)
}

test('one line in, one line out, in order', async () => {
  expect(
    await run([
      '{"text":"drain server23 on p10"}',
      '{"text":"list nodes","room":"p6","as":"nico"}',
      '{"text":"drain server53"}',
      '{"text":"x","as":"b","bot":true}',
    ]),
  ).toEqual([
    {
      text: 'drain server23 on p10',
      result: 'command',
      commands: [{ command: 'drain', risk: 'disruptive', args: { cluster: 'p10', nodes: ['server23'] } }],
      message: null,
      code: null,
      choices: [],
    },
    {
      text: 'list nodes',
      result: 'command',
      commands: [{ command: 'list nodes', risk: 'read', args: { cluster: 'p6' } }],
      message: null,
      code: null,
      choices: [],
    },
    {
      text: 'drain server53',
      result: 'ask',
      commands: [],
      message: expect.stringContaining('^^^^^^^^'),
      code: 'PARSE-AMBIGUOUS',
      choices: [
        { label: 'c2', text: 'drain server53 on c2' },
        { label: 'c4', text: 'drain server53 on c4' },
      ],
    },
    { text: 'x', result: 'ignore', commands: [], message: null, code: null, choices: [] },
  ])
})

test('what is no event is refused, and the next line is read', async () => {
  const said = await run(['{"text":', '{"txt":"x"}', '{"text":"x","room":"nowhere"}', '{"text":"clusters"}'])
  expect(said).toMatchObject([
    { code: 'EVENT-BAD' },
    { code: 'EVENT-BAD' },
    { code: 'ROOM-UNKNOWN' },
    { commands: [{ command: 'list clusters' }] },
  ])
})

test('plain lines are sentences', async () => {
  expect(await run(['nodes p10', '', '{"text":"p10"}'], false)).toMatchObject([
    { commands: [{ command: 'list nodes' }] },
    { commands: [{ command: 'show cluster' }] },
  ])
})

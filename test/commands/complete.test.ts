import { expect, test } from 'vitest'
import { complete } from '../../src/commands/complete.ts'
import { COMMANDS } from '../../src/commands/registry.ts'
import { KNOWN } from '../../src/commands/not-yet.ts'
import { inventory } from './inventory.ts'

const after = (typed: string): readonly string[] =>
  complete(typed, { commands: COMMANDS, known: KNOWN, inventory }).words

test.each([
  ['dr', ['drain']],
  ['as fran: dr', ['drain']],
  ['plan dr', ['drain']],
  ['help cor', ['cordon']],
  ['list n', ['nodes']],
  ['drain server5', ['server50', 'server52', 'server53', 'server54', 'server59']],
  ['drain server47,server4', ['server47', 'server48', 'server49']],
  ['drain server47 o', ['on']],
  ['drain server47 on c', ['c0', 'c1', 'c2', 'c3', 'c4', 'c5']],
  ['list nodes c', ['c0', 'c1', 'c2', 'c3', 'c4', 'c5']],
  ['as fr', ['fran:']],
  ['evac', ['evacuate']],
])('%s: %j', (typed, words) => expect(after(typed)).toEqual(expect.arrayContaining([...words])))

test('options are offered where the sentence is whole without them, and not before', () => {
  expect(after('drain server47 agg')).toEqual(['aggressive', 'aggressively'])
  expect(after('drain agg')).toEqual([])
})

test('nothing is offered for what is no sentence', () => {
  expect(after('qqq server')).toEqual([])
  expect(after('drain server47 on zz')).toEqual([])
})

test('what is replaced begins where the last word begins', () => {
  const from = (typed: string): number => complete(typed, { commands: COMMANDS, known: KNOWN, inventory }).from
  expect(from('drain server')).toBe('drain '.length)
  expect(from('drain server47,ser')).toBe('drain server47,'.length)
  expect(from('as fran: dr')).toBe('as fran: '.length)
})

import { expect, test } from 'vitest'
import { grew } from '../../src/jobs/plan.ts'
import type { Finding, Verdict } from '../../src/steps/step.ts'

const finding = (key: string, verdict: Verdict): Finding => ({ key, verdict, object: key, reason: key, topic: 'evict' })
const keys = (before: readonly Finding[], now: readonly Finding[]): readonly string[] =>
  grew(before, now).map((g) => g.key)

test.each([
  ['the same plan', [finding('a', 'do')], [finding('a', 'do')], []],
  ['fewer things to do', [finding('a', 'do'), finding('b', 'do')], [finding('a', 'do')], []],
  ['something new', [finding('a', 'do')], [finding('a', 'do'), finding('b', 'do')], ['b']],
  ['something new that stays', [], [finding('b', 'skip')], []],
  ['a worse verdict', [finding('a', 'do')], [finding('a', 'warn')], ['a']],
  ['a better verdict', [finding('a', 'block')], [finding('a', 'do')], []],
  ['what stayed is to go', [finding('a', 'skip')], [finding('a', 'do')], ['a']],
  [
    'a budget fell away (Rook, while a host drains)',
    [finding('evict n osd-3 pdb rook/osd', 'do')],
    [finding('evict n osd-3', 'do')],
    [],
  ],
  [
    'a budget came',
    [finding('evict n osd-3', 'do')],
    [finding('evict n osd-3 pdb rook/osd', 'do')],
    ['evict n osd-3 pdb rook/osd'],
  ],
  [
    'another workload of nearly the same name',
    [finding('evict n osd-33 pdb x', 'do')],
    [finding('evict n osd-3', 'do')],
    ['evict n osd-3'],
  ],
] as const)('%s', (_what, before, now, expected) => expect(keys(before, now)).toEqual(expected))

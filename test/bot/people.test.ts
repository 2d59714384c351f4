import { expect, test } from 'vitest'
import { findPerson } from '../../src/bot/people.ts'
import { person } from '../jobs/toy.ts'

const people = [{ ...person('nico'), slack: 'U1' }]

test('an outsider is nobody, whoever is configured', () => {
  expect(findPerson(people, 'slack', 'U1')).toMatchObject({ name: 'nico' })
  for (const outsider of ['guest', 'external'] as const)
    expect(findPerson(people, 'slack', 'U1', outsider)).toMatchObject({ code: 'PERSON-OUTSIDER' })
})

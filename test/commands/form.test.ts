import { describe, expect, test } from 'vitest'
import type { ChangeCommand, FormValues } from '../../src/commands/command.ts'
import { fill, formOf } from '../../src/commands/form.ts'
import { CHANGES } from '../../src/commands/registry.ts'
import { inventory } from './inventory.ts'
import { brief, understand } from './understood.ts'

const change = (name: string): ChangeCommand => CHANGES.get(name) as ChangeCommand // a test names those that exist
const filled = (name: string, values: FormValues) =>
  fill(change(name), formOf(change(name), inventory), values, (text) => understand(text))

describe('a form', () => {
  test('of drain has its nodes, its cluster and every option that has words', () => {
    const { fields } = formOf(change('drain'), inventory)
    expect(fields.map((f) => `${f.id} ${f.kind} ${f.label}${f.optional ? '' : ' *'}`)).toEqual([
      'nodes text Nodes *',
      'cluster choice Cluster *',
      'deleteEmptydirData flag Aggressively',
      'force flag Including unmanaged pods',
      'disableEviction flag Ignoring budgets',
      'withoutShutdown flag Without shutdown',
      'ticket text Ticket',
      'reason text Reason',
      'gracePeriodSeconds text Grace period',
      'podSelector text Pod selector',
      'skipWaitForDeleteTimeoutSeconds text Skip wait for delete timeout',
      'timeoutMs text Timeout',
    ])
  })

  test('comes from every change there is, and each field says exactly its argument', () => {
    const values: Record<string, string> = {
      ticket: '#1234',
      reason: 'because "I" say not so, on c2',
      gracePeriodSeconds: '30',
      podSelector: 'app=web',
      skipWaitForDeleteTimeoutSeconds: '10',
      timeoutMs: '1h',
    }
    for (const command of CHANGES.values()) {
      const { fields } = formOf(command, inventory)
      for (const field of fields.filter((f) => f.optional)) {
        const given = {
          nodes: 'server23',
          node: 'server23',
          reason: 'x',
          cluster: 'p10',
          [field.id]: values[field.id] ?? (true as const),
        }
        const made = filled(command.name, given)
        expect(made, `${command.name}: ${field.id}`).toHaveProperty('sentence')
        const read = 'sentence' in made ? understand(made.sentence) : undefined
        expect(read).toMatchObject({ commands: [{ command: command.name, args: { [field.id]: expect.anything() } }] })
      }
    }
  })

  test('says all that was filled in, as one sentence', () => {
    const made = filled('drain', {
      nodes: 'server22-24',
      cluster: 'p10',
      force: true,
      timeoutMs: '90s',
      ticket: '1234',
      reason: 'a new disk',
    })
    expect(made).toEqual({
      sentence: 'drain server22-24 on p10 including unmanaged pods #1234 reason "a new disk" timeout 90s',
    })
    expect(brief(understand('sentence' in made ? made.sentence : ''))).toContain('"reason":"a new disk"')
  })

  test.each<[string, FormValues, string]>([
    ['nothing', {}, 'nodes'],
    ['no cluster', { nodes: 'server23' }, 'cluster'],
    ['a node that is not there', { nodes: 'server999', cluster: 'p10' }, 'nodes'],
    ['a node of another cluster', { nodes: 'server51', cluster: 'p10' }, 'nodes'],
    ['more words than nodes', { nodes: 'server23 and be aggressive', cluster: 'p10' }, 'nodes'],
    ['another command', { nodes: 'server23; cordon server24', cluster: 'p10' }, 'nodes'],
    ['a time that is none', { nodes: 'server23', cluster: 'p10', timeoutMs: 'soon' }, 'timeoutMs'],
    ['a number out of bounds', { nodes: 'server23', cluster: 'p10', gracePeriodSeconds: '-7' }, 'gracePeriodSeconds'],
    ['a ticket that is none', { nodes: 'server23', cluster: 'p10', ticket: 'soon' }, 'ticket'],
    ['more than a time', { nodes: 'server23', cluster: 'p10', timeoutMs: '1h --force' }, 'timeoutMs'],
  ])('complains about %s at its field', (_what, values, field) => {
    const made = filled('drain', values)
    expect(made).toHaveProperty(['errors', field], expect.stringMatching(/\S/))
  })
})

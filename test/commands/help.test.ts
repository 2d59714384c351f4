import { describe, expect, test } from 'vitest'
import { help } from '../../src/commands/help.ts'
import { COMMANDS } from '../../src/commands/registry.ts'
import type { Decide } from '../../src/policies/policy.ts'
import { amal, ask, needs, text, world } from './jobs-by-hand.ts'

/** Operators alone where it is no production; there, and for what is about no cluster, with somebody else. Others nothing. */
const decide: Decide = ({ cluster, person: asker }) => {
  if (!asker.groups.includes('operators')) return { kind: 'deny', code: 'POLICY-NONE', reason: 'no', rules: [] }
  return cluster === undefined || cluster.type === 'production'
    ? { kind: 'needs', needs, rules: [] }
    : { kind: 'allow', rules: [] }
}
const here = world([], { decide })
const section = (said: string, heading: string): string =>
  said.split('\n').reduce<readonly [boolean, string]>(
    ([inside, kept], line) => {
      const is = line === heading || (inside && line.startsWith('- '))
      return [is, is ? `${kept}${line}\n` : kept]
    },
    [false, ''],
  )[1]

describe('help', () => {
  test('every command, and of changes what the speaker may alone and what with others', async () => {
    const said = await text(ask(help, {}, here))
    for (const command of COMMANDS.filter((c) => !c.name.startsWith('plan '))) expect(said).toContain(command.summary)
    expect(section(said, 'Change, on your own')).toContain('`drain server23 on p10`')
    expect(section(said, 'Change, on your own')).toContain('(on c1, c2, c4, c5, c6)')
    expect(section(said, 'Change, when others agree')).toContain('(on p5, p6, p10 with 1 of fran within 30m)')
  })
  test('in a room with a cluster of its own it is about that one', async () => {
    const said = await text(ask(help, {}, here, undefined, 'p10'))
    expect(said).not.toContain('on your own')
    expect(section(said, 'Change on p10, when others agree')).toContain('with 1 of fran within 30m')
    expect(said).not.toContain('c1')
  })
  test('who may change nothing is told so, and still sees what to look at', async () => {
    const said = await text(ask(help, {}, here, amal))
    expect(said).not.toContain('Change, on your own')
    expect(said).not.toContain('Change, when others agree')
    expect(said).toContain('Not for you here: `cordon`, `drain`, `start again`, `uncordon`, `unlock`')
    expect(said).toContain('list nodes p10')
  })
  test('the reactions are explained in words', async () => {
    expect(await text(ask(help, {}, here))).toContain('🙋 waiting for people, ⏳ queued')
  })
  test('of one command: how to say it, its options, the manual, and who must agree here', async () => {
    const said = await text(ask(help, { topic: 'drain' }, here, undefined, 'p10'))
    for (const part of [
      '`drain|evacuate|empty|clear [node|nodes] <nodes>`',
      '`aggressively|aggressive|hard`',
      'drain server22-27 on p10 aggressively',
      'kubectl drain',
      'Who must agree\n- p10: with 1 of fran within 30m',
      '`plan drain server23 on p10`',
    ])
      expect(said).toContain(part)
    const everywhere = await text(ask(help, { topic: 'drain' }, here))
    expect(everywhere).toContain('- c1, c2, c4, c5, c6: nobody, you may do it on your own')
    expect(await text(ask(help, { topic: 'drain' }, here, amal, 'p10'))).toContain(
      '- p10: not for you: no (POLICY-NONE)',
    )
  })
  test.each([
    ['drain a node', 'kubectl drain'],
    ['list nodes', 'kubectl get nodes'],
    ['put a node back', 'kubectl uncordon'],
  ])('help %s shows the manual', async (topic, words) => {
    expect(await text(ask(help, { topic }, here))).toContain(words)
  })
  test('an unknown topic offers the nearest', async () => {
    expect(await text(ask(help, { topic: 'drian' }, here))).toMatch(/^PARSE-UNKNOWN.*\[help drain\]/)
  })
})

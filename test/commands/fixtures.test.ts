import { describe, expect, test } from 'vitest'
import { rooms } from './inventory.ts'
import { brief, offered, said, understand } from './understood.ts'

const p10 = (nodes: string, more = ''): string => `drain {"cluster":"p10"${more},"nodes":[${nodes}]}`

describe('ambiguous sentences and the wanted reaction (operations.md 5.3)', () => {
  test('1: server53 is in c2 and c4, so it asks', () => {
    const understood = understand('drain server53')
    expect(brief(understood)).toBe('ask PARSE-AMBIGUOUS')
    expect(offered(understood)).toEqual(['drain server53 on c2', 'drain server53 on c4'])
    expect(brief(understand('drain server52'))).toBe('drain {"cluster":"c4","nodes":["server52"]}')
  })

  test("2: a room's own cluster does not have the node, so it asks", () => {
    const understood = understand('drain server23', { room: rooms.p6 })
    expect(brief(understood)).toBe('ask PARSE-AMBIGUOUS')
    expect(said(understood)).toContain('server23 is on p10, not p6')
    expect(offered(understood)).toEqual(['drain server23 on p10'])
  })

  test('3: control planes in a range are resolved like the others', () => {
    expect(brief(understand('drain server63-66 on p10'))).toBe(p10('"server63","server64","server65","server66"'))
  })

  test('4: a range with holes does nothing and names them', () => {
    const understood = understand('drain server22-30 on p10')
    expect(brief(understood)).toBe('refuse PARSE-RANGE')
    expect(said(understood)).toContain('server28, server29, server30 do not exist on p10')
  })

  test.each([
    "don't drain server23",
    'don’t drain server23',
    'do not drain server23',
    'please do not drain server23 on p10',
    'never drain server23',
    'server23 nicht drainen',
    'bitte server23 auf p10 nicht drainen',
    'drain server23 not',
    'drain server23? no',
    'can you not drain server23',
    'drain no nodes on p10',
    'drain server23 but not server24',
    "you shouldn't drain server23",
    'cordon server23 no wait',
  ])('5: negation does nothing: %s', (text) => {
    expect(brief(understand(text))).toBe('refuse PARSE-NEGATED')
  })

  test.each([
    'should we drain server23?',
    'can I drain server23?',
    'may I drain server23',
    'what happens if I drain server23',
    'what happens if we drain server23 on p10?',
    'is it safe to drain server23?',
    'hey, should I drain server23',
    'drain server23?',
    'plan drain server23',
    'dry run drain server23',
    'drain server23 --dry-run=server',
    'kann ich server23 drainen?',
  ])('5: a question is only planned: %s', (text) => {
    const understood = understand(text)
    expect(brief(understood)).toBe(`plan ${p10('"server23"')}`)
    expect(understood).toMatchObject({ commands: [{ risk: 'read' }] })
  })

  test.each([
    'drain server23 tomorrow at 6',
    'drain server23 on p10 at 18:00',
    'drain server23 tonight',
    'drain server23 on monday',
    'drain server23 in 2 hours',
    'tomorrow at 6 drain server23',
    'bitte server23 morgen um 6 drainen',
    'cordon server23 disk swap tomorrow at 6',
  ])('6: a later time is refused, never done now: %s', (text) => {
    expect(brief(understand(text))).toBe('refuse PARSE-SCHEDULED')
  })

  test('7: a selector is left to the live cluster', () => {
    expect(brief(understand('uncordon everything on p10 that is cordoned'))).toBe(
      'uncordon {"cluster":"p10","selector":{"cordoned":true}}',
    )
  })

  test.each([
    ['8', 'remove osd 3', 'NOT-YET'],
    ['9', 'delete p10', 'NOT-OFFERED'],
    ['9', 'reset p10', 'NOT-OFFERED'],
    ['9', 'please delete the cluster p10', 'NOT-OFFERED'],
    ['10', 'give me the join token', 'NOT-YET'],
    ['11', 'new dev cluster for Amal', 'NOT-YET'],
    ['12', 'new cluster for Amal with 2 servers', 'NOT-YET'],
    ['13', 'rejoin server63', 'NOT-YET'],
    ['14', 'fix etcd', 'NOT-YET'],
    ['15', 'ceph osd pool delete x x --yes-i-really-really-mean-it', 'NOT-OFFERED'],
    ['16', 'kubectl delete ns foo', 'NOT-OFFERED'],
    ['16', 'kubectl apply -f evil.yaml', 'NOT-OFFERED'],
    ['16', 'kubectl exec -ti x -- sh', 'NOT-OFFERED'],
  ])('%s: %s is refused', (_row, text, code) => {
    const understood = understand(text)
    expect(brief(understood)).toBe(`refuse ${code}`)
    expect(said(understood).length).toBeGreaterThan(20)
  })

  test('16: the refusal lists what is supported', () => {
    expect(said(understand('kubectl delete ns foo'))).toContain('list nodes')
  })

  test('17: a block of reads is answered, with a change in it nothing is done', () => {
    expect(brief(understand('list clusters\nnodes p10\nnodes c2'))).toBe(
      'list clusters {}\nlist nodes {"cluster":"p10"}\nlist nodes {"cluster":"c2"}',
    )
    const mixed = understand('nodes p10\ndrain server23 on p10')
    expect(brief(mixed)).toBe('refuse PARSE-SEVERAL')
    expect(offered(mixed)).toEqual(['nodes p10', 'drain server23 on p10'])
  })

  test('19: a yes that answers nothing is talk among people', () => {
    expect(brief(understand('yes'))).toBe('ignore')
    expect(brief(understand('yes', { pending: { choices: [{ label: 'p10', text: 'drain server23 on p10' }] } }))).toBe(
      p10('"server23"'),
    )
  })

  test.each(['p10 drain server23 thx 🙏', 'bitte server23 auf p10 drainen', 'drain server23 on p10'])(
    '21: word order and manners do not matter: %s',
    (text) => {
      expect(brief(understand(text))).toBe(p10('"server23"'))
    },
  )

  test('22: two changes in one message are offered as two', () => {
    const understood = understand('drain server23 on p10 and server47 on c2')
    expect(brief(understood)).toBe('refuse PARSE-SEVERAL')
    expect(offered(understood)).toEqual(['drain server23 on p10', 'drain server47 on c2'])
  })
})

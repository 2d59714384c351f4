import { describe, expect, test } from 'vitest'
import { incomingOf, type Self } from '../../src/bot/slack-events.ts'
import { calls, emojiOf, typedText, wordOf } from '../../src/bot/slack-names.ts'

const self: Self = { team: 'T1', user: 'U0BOT', botId: 'B0BOT' }
const callback = (event: Record<string, unknown>) => ({ type: 'event_callback', team_id: 'T1', event_id: 'Ev1', event })
const message = (more: Record<string, unknown>) =>
  callback({
    type: 'message',
    channel: 'C1',
    channel_type: 'channel',
    user: 'U1',
    text: '! drain',
    ts: '1700000000.000100',
    ...more,
  })
const read = (body: unknown) => incomingOf(body, self, 1_000)

describe('what Slack sends', () => {
  test('a text has the time it was sent and an id that both of its events share', () => {
    const [text] = read(message({}))
    const [mention] = read(
      callback({ type: 'app_mention', channel: 'C1', user: 'U1', text: '<@U0BOT> drain', ts: '1700000000.000100' }),
    )
    expect(text).toMatchObject({
      event: 'T1:C1:1700000000.000100',
      sentAtMs: 1_700_000_000_000,
      bot: false,
      direct: false,
    })
    expect(mention?.event).toBe(text?.event)
  })

  test.each([
    ['an own message', { user: 'U0BOT' }],
    ['an own message as a bot', { user: undefined, bot_id: 'B0BOT' }],
    ['talk', { text: 'shall we drain?' }],
    ['an exclamation', { text: '!' }],
    ['a text without a place', { channel: undefined }],
    ['an own edit', { subtype: 'message_changed', message: { user: 'U0BOT', ts: '1.1', text: '! x' } }],
    [
      'an edit by another bot',
      { subtype: 'message_changed', message: { user: 'U2', bot_id: 'B2', ts: '1.1', text: '! x' } },
    ],
    [
      'an unfurled link',
      {
        subtype: 'message_changed',
        message: { user: 'U1', ts: '1.1', text: '! x' },
        previous_message: { user: 'U1', ts: '1.1', text: '! x' },
      },
    ],
    [
      'an edit of talk',
      {
        subtype: 'message_changed',
        message: { user: 'U1', ts: '1.1', text: 'b' },
        previous_message: { user: 'U1', ts: '1.1', text: 'a' },
      },
    ],
    [
      'deleted talk',
      { subtype: 'message_deleted', deleted_ts: '1.1', previous_message: { user: 'U1', ts: '1.1', text: 'talk' } },
    ],
  ])('%s is not told', (_what, more) => {
    expect(read(message(more))).toEqual([])
  })

  test.each([
    ['another bot', { bot_id: 'B2' }],
    ['an integration without a user', { user: undefined, bot_id: 'B2', subtype: 'bot_message' }],
    ['a notice of Slack', { subtype: 'channel_topic' }],
  ])('%s is told as a bot', (_what, more) => {
    expect(read(message(more))).toMatchObject([{ bot: true }])
  })

  test('a thread is given, but a root is not its own thread', () => {
    expect(read(message({ thread_ts: '1.5', text: 'cancel' }))).toMatchObject([{ thread: '1.5', addressed: false }])
    expect(read(message({ thread_ts: '1700000000.000100' }))[0]).not.toHaveProperty('thread')
  })

  test.each([
    { subtype: 'message_deleted', deleted_ts: '1.1', previous_message: { user: 'U0BOT', ts: '1.1', text: 'card' } },
    { subtype: 'message_deleted', deleted_ts: '1.1', previous_message: { bot_id: 'B0BOT', ts: '1.1', text: 'card' } },
    {
      subtype: 'message_changed',
      message: {
        subtype: 'tombstone',
        user: 'USLACKBOT',
        ts: '1.1',
        thread_ts: '1.1',
        text: 'This message was deleted.',
      },
      previous_message: { user: 'U0BOT', ts: '1.1', thread_ts: '1.1', text: 'card' },
    },
  ])('a message of Sluice that somebody took away is told as its own', (more) => {
    expect(read(message(more))).toMatchObject([{ kind: 'delete', message: '1.1', own: true }])
  })

  test('a request with answers in its thread is deleted when its tombstone comes', () => {
    const more = {
      subtype: 'message_changed',
      message: {
        subtype: 'tombstone',
        user: 'USLACKBOT',
        ts: '1.1',
        thread_ts: '1.1',
        text: 'This message was deleted.',
      },
      previous_message: { user: 'U1', ts: '1.1', thread_ts: '1.1', text: '! drain' },
    }
    const [gone] = read(message(more))
    expect(gone).toMatchObject({ kind: 'delete', message: '1.1', user: 'U1' })
    expect(gone).not.toHaveProperty('own')
  })

  test('another workspace is not listened to, unless Slack tells it for ours', () => {
    const other = { ...message({}), team_id: 'T2' }
    expect(read(other)).toEqual([])
    expect(read({ ...other, authorizations: [{ team_id: 'T1' }] })).toMatchObject([
      { event: 'T1:C1:1700000000.000100' },
    ])
  })

  test('what is put under other people’s messages is not told', () => {
    const reaction = {
      type: 'reaction_added',
      user: 'U1',
      reaction: 'x',
      item: { type: 'message', channel: 'C1', ts: '1.1' },
    }
    expect(read(callback({ ...reaction, item_user: 'U2', event_ts: '2.000000' }))).toEqual([])
    expect(read(callback({ ...reaction, item_user: 'U0BOT', event_ts: '2.000000' }))).toHaveLength(1)
  })

  test('a press by somebody of another workspace is told as an outsider’s', () => {
    const press = (team: string) => ({
      type: 'block_actions',
      user: { id: 'U1' },
      channel: { id: 'C1' },
      message: { ts: '1.1' },
      team: { id: team },
      actions: [{ action_id: 'approve:1', action_ts: '1700000000.5' }],
    })
    expect(read(press('T1'))[0]).not.toHaveProperty('outsider')
    expect(read(press('T2'))).toMatchObject([{ kind: 'press', outsider: 'external' }])
  })

  test('an own reaction is not told, one on a file neither', () => {
    const reaction = (more: Record<string, unknown>) =>
      callback({
        type: 'reaction_added',
        user: 'U1',
        reaction: '+1::skin-tone-3',
        item: { type: 'message', channel: 'C1', ts: '1.1' },
        event_ts: '2.000000',
        ...more,
      })
    expect(read(reaction({}))).toMatchObject([{ kind: 'reaction', name: '👍', on: '1.1', sentAtMs: 2000, added: true }])
    expect(read(reaction({ user: 'U0BOT' }))).toEqual([])
    expect(read(reaction({ item: { type: 'file', file: 'F1' } }))).toEqual([])
  })

  test.each([
    undefined,
    null,
    1,
    'x',
    [],
    {},
    { type: 'event_callback' },
    callback({}),
    callback({ type: 'team_join' }),
    { type: 'view_submission' },
    { type: 'block_actions', actions: [] },
  ])('%j is nothing', (body) => {
    expect(read(body)).toEqual([])
  })
})

describe('Slack’s words', () => {
  test.each([
    ['<@U0BOT> drain server23 on p10', 'drain server23 on p10'],
    ['hey <@U0BOT|sluice>, drain', 'hey  , drain'],
    [
      'ask <@U2|fran> in <#C1|ops> about <https://x.example/a?b=1&amp;c=2|x.example>',
      'ask @fran in #ops about x.example',
    ],
    ['<http://p10.k8s.ooo|p10.k8s.ooo> &lt;b&gt; &amp;amp;', 'p10.k8s.ooo <b> &amp;'],
    ['<!here> <!subteam^S1> <mailto:a@b.example|a@b.example>', '@here @subteam a@b.example'],
  ])('%s is read as %s', (raw, text) => {
    expect(typedText(raw, 'U0BOT').replace(/ +/g, ' ')).toBe(text.replace(/ +/g, ' '))
  })

  test('a call is a mention or a leading exclamation mark, not another’s mention', () => {
    expect(['<@U0BOT> x', 'x <@U0BOT|sluice>', '!drain', ' ! drain'].map((t) => calls(t, 'U0BOT'))).toEqual([
      true,
      true,
      true,
      true,
    ])
    expect(['<@U0BOTX> x', 'drain!', '!', '', '&lt;@U0BOT&gt;'].map((t) => calls(t, 'U0BOT'))).toEqual([
      false,
      false,
      false,
      false,
      false,
    ])
  })

  test('names of emoji go both ways, and what nobody knows is no vote', () => {
    expect(['✅', '❌', '1️⃣'].map((e) => emojiOf(wordOf(e) ?? ''))).toEqual(['✅', '❌', '1️⃣'])
    expect(emojiOf('constructor')).toBe(':constructor:')
    expect(emojiOf('party_parrot')).toBe(':party_parrot:')
    expect(wordOf('🦜')).toBeUndefined()
  })
})

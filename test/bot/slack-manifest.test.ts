import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { incomingOf } from '../../src/bot/slack-events.ts'
import { formOfCallback } from '../../src/bot/slack-views.ts'
import { CHANGES } from '../../src/commands/registry.ts'
import { METHODS } from '../lab/slack-api.ts'
import { manifestOf } from '../lab/slack-manifest.ts'

const root = join(import.meta.dirname, '..', '..')
const source = readdirSync(join(root, 'src', 'bot'))
  .filter((name) => name.startsWith('slack'))
  .map((name) => readFileSync(join(root, 'src', 'bot', name), 'utf8'))
  .join('\n')
/** Every method of the Web API the adapter names, by its word or as a member of the client. */
const called = new Set([
  ...[...source.matchAll(/'((?:auth|chat|conversations|files|reactions|users|views)\.[A-Za-z.]+)'/g)].map(
    (m) => m[1] ?? '',
  ),
  ...[...source.matchAll(/client\.(auth|chat)\.([A-Za-z]+)\(/g)].map((m) => `${m[1]}.${m[2]}`),
])
/** The scopes that each event needs. https://docs.slack.dev/reference/events */
const EVENTS: Readonly<Record<string, readonly string[]>> = {
  app_home_opened: [],
  app_mention: ['app_mentions:read'],
  'message.channels': ['channels:history'],
  'message.groups': ['groups:history'],
  'message.im': ['im:history'],
  reaction_added: ['reactions:read'],
  reaction_removed: ['reactions:read'],
}
const KINDS = [undefined, { isPrivate: true }, { im: 'U1' }]
const scopesOf = (method: string): readonly string[] => {
  const scopes = METHODS[method]?.scopes ?? [`unknown method ${method}`]
  if (typeof scopes !== 'function') return scopes
  const channel = { id: 'C1', name: 'c', members: new Set<string>(), messages: [] }
  return KINDS.flatMap((kind) => scopes({ ...channel, ...kind }))
}

describe.each(['socket', 'http'] as const)('the manifest for %s', (mode) => {
  const { features, oauth_config, settings } = manifestOf(mode)

  test('asks for exactly the scopes of what is called, told and typed', () => {
    const needed = [...called].flatMap(scopesOf)
    const told = settings.event_subscriptions.bot_events.flatMap((event) => EVENTS[event] ?? [`unknown event ${event}`])
    expect(oauth_config.scopes.bot).toEqual([...new Set([...needed, ...told, 'commands'])].toSorted())
    expect(called.size).toBeGreaterThan(12)
  })

  test('subscribes to exactly the events that are handled', () => {
    expect(settings.event_subscriptions.bot_events).toEqual(Object.keys(EVENTS))
    const self = { team: 'T1', user: 'U0', botId: 'B0' }
    const common = { user: 'U1', channel: 'C1', ts: '1.1', text: '<@U0> jobs', reaction: 'x', event_ts: '1.2' }
    const item = { type: 'message', channel: 'C1', ts: '1.1' }
    const heard = (type: string) =>
      incomingOf({ type: 'event_callback', team_id: 'T1', event_id: 'E', event: { ...common, item, type } }, self, 0)
    for (const event of settings.event_subscriptions.bot_events.filter((e) => e !== 'app_home_opened'))
      expect(heard(event.replace(/\..*/, '')), event).toHaveLength(1)
    expect(source).toContain("z.literal('app_home_opened')")
  })

  test('has a shortcut only for forms that exist, and hints for the command', () => {
    for (const { callback_id } of features.shortcuts) expect(CHANGES.has(formOfCallback(callback_id) ?? '')).toBe(true)
    expect(features.slash_commands).toMatchObject([{ command: '/sluice', should_escape: false }])
    expect(features.slash_commands[0]?.usage_hint).toContain('drain server23 on p10')
    expect(features.app_home.home_tab_enabled).toBe(true)
  })

  test('is reached where the mode says', () => {
    const urls = [
      settings.event_subscriptions.request_url,
      settings.interactivity.request_url,
      ...features.slash_commands.map((c) => c.url),
    ]
    expect(settings.socket_mode_enabled).toBe(mode === 'socket')
    expect(new Set(urls)).toEqual(new Set([mode === 'socket' ? undefined : 'https://sluice.example.org/slack/events']))
  })
})

import { randomUUID } from 'node:crypto'
import type { Delivered, Events } from './slack-delivery.ts'
import { type Channel, type SlackState, type Stored, shown, type View } from './slack-state.ts'
import { stateOf } from './slack-views.ts'

/** Everything that needs an answer within three seconds: buttons, slash commands, shortcuts, forms. */
export function interactions(
  state: SlackState,
  events: Events,
  channelOf: (id: string) => Channel,
  messageOf: (channel: string, ts: string) => Stored,
) {
  const trigger = (user: string): string => {
    const id = randomUUID()
    state.triggers.set(id, user)
    return id
  }
  const person = (id: string) => ({
    id,
    username: state.users.get(id)?.name,
    team_id: state.users.get(id)?.flags.team ?? state.team,
  })
  const team = (user: string) => ({ id: state.users.get(user)?.flags.team ?? state.team, domain: 'lab' })
  const command = (user: string, channel: string, text: string, name: string): Promise<Delivered> =>
    events.send('slash_commands', {
      command: name,
      text,
      team_id: state.team,
      team_domain: 'lab',
      channel_id: channel,
      channel_name: channelOf(channel).name,
      user_id: user,
      user_name: state.users.get(user)?.name ?? '',
      trigger_id: trigger(user),
      response_url: `${state.base}/response`,
      api_app_id: 'A0SLUICE',
    })
  return {
    /** Presses a button; `at` is Slack's time of it, for two presses in a row. */
    press: async (user: string, channel: string, ts: string, label: string, at = state.nextTs()): Promise<boolean> => {
      const message = messageOf(channel, ts)
      const button = message.blocks
        .flatMap((b) => (b.type === 'actions' ? b.elements : []))
        .find((e) => e.text.text === label)
      if (button === undefined) throw new Error(`no button ${label} under ${ts}`)
      const { acked } = await events.send('interactive', {
        type: 'block_actions',
        team: team(user),
        user: person(user),
        channel: { id: channel, name: channelOf(channel).name },
        message: shown(message, state),
        container: { type: 'message', message_ts: ts, channel_id: channel },
        trigger_id: trigger(user),
        response_url: `${state.base}/response`,
        actions: [{ type: 'button', action_id: button.action_id, block_id: 'b', action_ts: at, text: button.text }],
      })
      return acked
    },
    slash: async (user: string, channel: string, text: string): Promise<boolean> =>
      (await command(user, channel, text, '/sluice')).acked,
    /** A slash command with what came back to the person who typed it. */
    command: (user: string, channel: string, text: string, name = '/sluice') => command(user, channel, text, name),
    shortcut: (user: string, callback: string): Promise<Delivered> =>
      events.send('interactive', {
        type: 'shortcut',
        callback_id: callback,
        trigger_id: trigger(user),
        action_ts: state.nextTs(),
        team: team(user),
        user: person(user),
      }),
    /** Any other body of interactivity. */
    interact: (payload: Record<string, unknown>): Promise<Delivered> => events.send('interactive', payload),
    openHome: (user: string, tab = 'home'): Promise<Delivered> =>
      events.event(state, {
        type: 'app_home_opened',
        user,
        channel: `D${user.slice(1)}`,
        tab,
        event_ts: state.nextTs(),
      }),
    /** The newest form that is open before a person, or their page. */
    viewOf: (user: string, type: View['type'] = 'modal'): View | undefined =>
      [...state.views.values()].findLast((v) => v.user === user && v.type === type && v.open),
    /** Sends a form off. It closes unless the app complains. */
    submit: async (view: View, given: Readonly<Record<string, string | true>>): Promise<Delivered> => {
      const delivered = await events.send('interactive', {
        type: 'view_submission',
        team: team(view.user),
        user: person(view.user),
        view: { id: view.id, hash: view.hash, ...view.content, state: stateOf(view, given) },
        response_urls: [],
      })
      const answer = delivered.answer
      const complains = typeof answer === 'object' && answer !== null && 'response_action' in answer
      if (delivered.acked && !complains) view.open = false
      return delivered
    },
  }
}

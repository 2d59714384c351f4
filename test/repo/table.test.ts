import { expect, test } from 'vitest'
import { forbidden } from '../../scripts/lint/table.ts'

const allowed: readonly (readonly [string, string])[] = [
  ['bot/handle.ts', 'bot/people.ts'],
  ['bot/handle.ts', 'commands/parse.ts'],
  ['bot/handle.ts', 'jobs/job.ts'],
  ['bot/outbox.ts', 'store/store.ts'],
  ['bot/cards.ts', 'errors.ts'],
  ['commands/drain.ts', 'steps/cordon.ts'],
  ['commands/drain.ts', 'systems/kubernetes/port.ts'],
  ['jobs/plan.ts', 'policies/index.ts'],
  ['jobs/run.ts', 'store/script.ts'],
  ['steps/cordon.ts', 'systems/kubernetes/port.ts'],
  ['practice/api.ts', 'systems/kubernetes/wire.ts'],
  ['practice/api.ts', 'duration.ts'],
  ['main.ts', 'bot/slack.ts'],
  ['cli/console.ts', 'systems/ssh/adapter.ts'],
  ['config.ts', 'config-schema.ts'],
]
const refused: readonly (readonly [string, string])[] = [
  ['steps/cordon.ts', 'bot/cards.ts'],
  ['steps/cordon.ts', 'bot/chat.ts'],
  ['steps/cordon.ts', 'policies/index.ts'],
  ['jobs/run.ts', 'commands/command.ts'],
  ['jobs/run.ts', 'commands/drain.ts'],
  ['jobs/plan.ts', 'policies/quorum.ts'],
  ['jobs/plan.ts', 'steps/cordon.ts'],
  ['bot/handle.ts', 'commands/drain.ts'],
  ['bot/handle.ts', 'bot/slack.ts'],
  ['bot/handle.ts', 'config.ts'],
  ['commands/drain.ts', 'store/store.ts.ts'],
  ['commands/drain.ts', 'systems/kubernetes/adapter.ts'],
  ['policies/quorum.ts', 'store/script.ts'],
  ['systems/ssh/adapter.ts', 'systems/kubernetes/adapter.ts'],
  ['systems/ssh/adapter.ts', 'practice/api.ts'],
  ['store/open.ts', 'jobs/job.ts'],
  ['practice/api.ts', 'systems/kubernetes/mapping.ts'],
  ['practice/api.ts', 'jobs/job.ts'],
  ['message.ts', 'bot/cards.ts'],
  ['bot/cards.ts', 'main.ts'],
]

test.each(allowed)('%s may import %s', (from, to) => expect(forbidden(from, to, false)).toBeUndefined())
test.each(refused)('%s may not import %s', (from, to) => expect(forbidden(from, to, false)).toBeTypeOf('string'))
test('configuration may be seen by all, as a type', () =>
  expect(forbidden('bot/handle.ts', 'config.ts', true)).toBeUndefined())

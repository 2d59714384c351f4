import type { AnswerCommand, Capabilities, Lag, Situation } from '../../src/commands/command.ts'
import { COMMANDS } from '../../src/commands/registry.ts'
import { isRefusal, type Refusal } from '../../src/errors.ts'
import type { Filter, History, Holding, Jobs, Question, Revision } from '../../src/jobs/job.ts'
import { type Message, plain } from '../../src/message.ts'
import type { Person } from '../../src/person.ts'
import type { Decide } from '../../src/policies/policy.ts'
import type { Stop } from '../../src/steps/step.ts'
import { inventory } from './inventory.ts'

export const NOW = Date.UTC(2026, 10, 18, 9)
export const MINUTE = 60_000
const person = (name: string, groups: readonly string[] = ['operators']): Person => ({
  name,
  title: name,
  groups,
  timeZone: 'Europe/Zurich',
})
const nico = person('nico')
export const fran = person('fran')
export const amal = person('amal', [])

export const needs = { approvals: 1, from: ['fran'], denyCount: 1, withinMs: 30 * MINUTE }
export const question: Question = {
  id: '17.1',
  kind: 'approval',
  code: null,
  text: 'drain server23 on p10?',
  details: [],
  planHash: 'abc',
  needs,
  choices: [],
  growth: [],
  votes: [],
  askedAtMs: NOW - 6 * MINUTE,
  expiresAtMs: NOW + 24 * MINUTE,
}

export const revision = (id: string, more: Partial<Revision> = {}): Revision => ({
  job: id,
  revision: 1,
  state: 'running',
  code: null,
  atMs: NOW - 2 * MINUTE,
  asked: {
    command: 'drain',
    args: {},
    by: 'nico',
    room: 'ops',
    text: 'pls drain server23 on p10',
    atMs: NOW - 7 * MINUTE,
    event: 'e1',
  },
  approvedBy: [],
  steps: [],
  locks: [],
  practice: false,
  ...more,
})
export const waiting = revision('17', {
  state: 'waiting',
  question,
  decision: { kind: 'needs', needs, rules: ['production needs a second pair of eyes'] },
})

type World = { readonly capabilities: Capabilities; readonly calls: readonly (readonly [string, unknown])[] }

/** Jobs by hand: what they hold is given, what is asked of them is written down. */
export function world(
  revisions: readonly Revision[],
  more: {
    readonly holdings?: readonly Holding[]
    readonly decide?: Decide
    readonly stopped?: Stop
    readonly lag?: readonly Lag[]
    readonly history?: History
  } = {},
): World {
  const calls: (readonly [string, unknown])[] = []
  const note = (name: string) => (request: unknown) => {
    calls.push([name, request])
    return Promise.resolve({ ok: true, text: `${name} noted` } as const)
  }
  const not = (): never => {
    throw new Error('not part of this test')
  }
  const list = ({ states, cluster, limit = 50 }: Filter): Promise<readonly Revision[]> =>
    Promise.resolve(
      revisions
        .filter(
          (r) => (states?.includes(r.state) ?? true) && (cluster === undefined || r.plan?.target.cluster === cluster),
        )
        .slice(0, limit),
    )
  const all: Jobs = {
    submit: not,
    plan: not,
    withdrawRequest: not,
    transitions: not,
    vote: note('vote'),
    choose: note('choose'),
    cancel: note('cancel'),
    stopAll: note('stopAll'),
    stopped: () => Promise.resolve(more.stopped),
    resume: note('resume'),
    retry: note('retry'),
    get: (id) => Promise.resolve(revisions.find((r) => r.job === id)),
    list,
    holders: () => Promise.resolve(more.holdings ?? []),
    history: (filter) => {
      calls.push(['history', filter])
      return Promise.resolve(more.history ?? { deeds: [], trimmed: false, more: false })
    },
  }
  const capabilities: Capabilities = {
    inventory,
    cluster: not,
    jobs: all,
    changes: new Map(),
    decide: more.decide ?? ((): never => not()),
    readFacts: not,
    commands: () => COMMANDS,
    people: [nico, fran, amal],
    rooms: [
      { name: 'ops', clusters: [] },
      { name: 'p10', cluster: 'p10', clusters: ['p10'] },
    ],
    nowMs: () => NOW,
    lag: () => Promise.resolve(more.lag ?? []),
  }
  return { capabilities, calls }
}

export async function ask(
  command: AnswerCommand,
  args: object,
  { capabilities }: World,
  speaker = nico,
  room = 'ops',
): Promise<Message | Refusal> {
  const situation: Situation = {
    person: speaker,
    room,
    event: 'e9',
    text: '',
    atMs: NOW,
    signal: new AbortController().signal,
  }
  // what parse() hands over went through the same schema
  return command.answer(command.args.parse(args), { ...capabilities, ...situation })
}
export const text = async (answer: Promise<Message | Refusal>): Promise<string> => {
  const said = await answer
  return isRefusal(said)
    ? `${said.code}: ${said.text} ${said.next} ${(said.choices ?? []).map((c) => `[${c.text}]`).join('')}`
    : plain(said)
}

import type { Files } from '../e2e/bot-process.ts'
import type { Account } from './bots.ts'
import type { MatrixStage } from './matrix-stage.ts'
import type { SlackStage } from './slack-stage.ts'

export type SluiceStage = {
  readonly matrix: MatrixStage
  readonly account: Account
  readonly crowdRoom: string
  readonly slack: SlackStage
  readonly channels: readonly string[]
  /** Of the one cluster it knows. */
  readonly kubeconfig: string
}

/** Sluice on both platforms and one cluster, everybody known; a Slack channel is a room, so that each is within its rate. */
export function sluiceFiles({ matrix, account, crowdRoom, slack, channels, kubeconfig }: SluiceStage): Files {
  const crowd = matrix.crowd.map((one, i) => [`p${i + 1}`, { title: `P${i + 1}`, matrix: one.id }] as const)
  const nico = { title: 'nico', groups: ['operators'], slack: slack.nico, matrix: matrix.nico.id }
  const slackRooms = channels.map((channel, i) => [`s${i + 1}`, { slack: channel }] as const)
  return {
    sluice: {
      rooms: { ops: { matrix: account.room }, crowd: { matrix: crowdRoom }, ...Object.fromEntries(slackRooms) },
      slack: { mode: 'socket', botToken: 'env:BENCH_SLACK', appToken: 'env:BENCH_SLACK_APP', apiUrl: slack.lab.apiUrl },
      matrix: { homeserver: account.url, accessToken: 'env:BENCH_MATRIX', userId: account.user },
      limits: { requestsPerMinute: 1_000_000 },
    },
    people: { nico, ...Object.fromEntries(crowd) },
    clusters: [{ name: 'p10', type: 'development', purpose: 'bench', credentials: { kubeconfig } }],
    policies: [{ name: 'everybody reads', when: { person: { known: true }, risk: ['read'] }, allow: true }],
  }
}

export const sluiceSecrets = ({ account, slack }: SluiceStage): Readonly<Record<string, string>> => ({
  BENCH_SLACK: slack.lab.botToken,
  BENCH_SLACK_APP: slack.lab.appToken,
  BENCH_MATRIX: account.token,
})

import { chatContract, limitContract } from './chat.contract.ts'
import { slackWorld } from './slack-world.ts'

chatContract('Slack over Socket Mode', () => slackWorld('socket'))
chatContract('Slack over signed HTTP', () => slackWorld('http'))
limitContract('Slack', () => slackWorld('socket'))

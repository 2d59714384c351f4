import { ON_A_WIRE, slackStage } from './platforms.ts'
import { conformance } from './suite.ts'

conformance('Slack over Socket Mode', [...ON_A_WIRE, 'buttons'], () => slackStage('socket'))

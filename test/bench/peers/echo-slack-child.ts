import { App, LogLevel } from '@slack/bolt'

// A bare Bolt bot by Socket Mode. echo-slack-child.ts API-URL; the tokens are in ECHO_TOKEN and ECHO_APP_TOKEN.

const app = new App({
  token: process.env['ECHO_TOKEN'] ?? '',
  appToken: process.env['ECHO_APP_TOKEN'] ?? '',
  socketMode: true,
  logLevel: LogLevel.ERROR,
  clientOptions: { slackApiUrl: process.argv[2] ?? '' },
})
app.event('app_mention', async ({ event, say }) => {
  await say(`echo ${event.text}`)
})
await app.start()
process.stdout.write('ready\n')

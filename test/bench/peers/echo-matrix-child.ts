import { MatrixClient, MemoryStorageProvider, setRequestFn } from 'matrix-bot-sdk'

// A bare matrix-bot-sdk bot: its own loop, its own send. echo-matrix-child.ts HOMESERVER; the token is in ECHO_TOKEN.

type Params = {
  readonly uri: string
  readonly method: string
  readonly qs?: Readonly<Record<string, string | number | boolean | null | undefined>> | null
  readonly body?: string
  readonly headers?: Record<string, string>
}
type Done = (error: unknown, response?: unknown, body?: unknown) => void

// The package it wants for this is not installed (see stubs); this is the least that stands in for it.
setRequestFn((params: Params, done: Done) => {
  const url = new URL(params.uri)
  for (const [name, value] of Object.entries(params.qs ?? {}))
    if (value !== undefined && value !== null) url.searchParams.set(name, String(value))
  const { method, headers = {}, body } = params
  fetch(url, { method, headers, ...(body === undefined ? {} : { body }) })
    .then(async (answer) => ({ statusCode: answer.status, headers: {}, body: await answer.text() }))
    .then(
      (response) => done(null, response, response.body),
      (error: unknown) => done(error),
    )
})

const client = new MatrixClient(process.argv[2] ?? '', process.env['ECHO_TOKEN'] ?? '', new MemoryStorageProvider())
const self = await client.getUserId()
client.on('room.message', (room: string, event: { sender: string; content: { body?: string } }) => {
  if (event.sender !== self) void client.sendText(room, `echo ${event.content.body ?? ''}`)
})
// by default it reads the ten newest messages of a batch and never learns of the others: of a hundred at once most would have no reply
await client.start({ room: { timeline: { limit: 100 } } })
process.stdout.write('ready\n')

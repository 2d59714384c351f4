import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, it } from 'vitest'
import { openTickets } from '../../src/systems/redmine/adapter.ts'

/** A Redmine that has the key right and answers for tickets as told. */
async function against(answer: RequestListener, work: (url: string) => Promise<void>): Promise<void> {
  const server = createServer((request, response) =>
    request.url === '/users/current.json' ? response.end('{"user":{}}') : answer(request, response),
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo // listens on TCP
  try {
    await work(`http://127.0.0.1:${port}`)
  } finally {
    server.closeAllConnections()
    server.close()
  }
}

const ISSUE = JSON.stringify({
  issue: { id: 1, subject: 's', project: { name: 'p' }, status: { name: 'New' }, journals: [], new_field: 1 },
})

it.each([
  ['a 500', (_q, r) => void r.writeHead(500).end('<html>'), 'REDMINE-UNREACHABLE'],
  ['a 502 of a proxy', (_q, r) => void r.writeHead(502).end(), 'REDMINE-UNREACHABLE'],
  ['silence', () => {}, 'REDMINE-UNREACHABLE'],
  ['a body that stops', (_q, r) => void r.writeHead(200).write('{"issue":'), 'REDMINE-UNREACHABLE'],
  ['a cut line', (q) => void q.socket.destroy(), 'REDMINE-UNREACHABLE'],
  ['another program', (_q, r) => void r.end('<html>hello</html>'), 'REDMINE-ERROR'],
  ['a redirect', (_q, r) => void r.writeHead(302, { location: '/login' }).end(), 'REDMINE-ERROR'],
  ['a refusal', (_q, r) => void r.writeHead(422).end('{"errors":["no"]}'), 'REDMINE-ERROR'],
  ['a revoked key', (_q, r) => void r.writeHead(401).end(), 'REDMINE-AUTH'],
] satisfies [string, RequestListener, string][])('%s', async (_what, answer, code) => {
  await against(answer, async (url) => {
    const tickets = openTickets({ url, apiKey: 'k', timeoutMs: 300 })
    await expect(tickets.read('1')).rejects.toMatchObject({ code })
  })
})

it('does not believe a note that Redmine took and does not show', async () => {
  const answer: RequestListener = (request, response) =>
    void (request.method === 'PUT' ? response.writeHead(204).end() : response.end(ISSUE))
  await against(answer, async (url) => {
    const note = openTickets({ url, apiKey: 'k' }).note('1', { marker: 'sluice:1:plan', text: 'x' })
    await expect(note).rejects.toMatchObject({ code: 'REDMINE-ERROR' })
  })
})

it('does not mind fields it does not know', async () => {
  await against(
    (_q, r) => void r.end(ISSUE),
    async (url) => {
      expect(await openTickets({ url, apiKey: 'k' }).read('1')).toMatchObject({ subject: 's', open: true })
    },
  )
})

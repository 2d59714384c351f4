import { listAt, parseJson, textAt } from '../../src/practice/json.ts'
import { openTestWorld } from '../practice/open-practice.ts'
import { ticketsContract } from './redmine.contract.ts'

ticketsContract('a practice Redmine', async () => {
  const world = await openTestWorld()
  const { url, apiKey } = world.file.redmine
  const notes = async (id: string): Promise<readonly string[]> => {
    const answer = await fetch(`${url}/issues/${id}.json?include=journals`, {
      headers: { 'X-Redmine-API-Key': apiKey },
    })
    return listAt(parseJson(await answer.text()), 'issue', 'journals').map((journal) => textAt(journal, 'notes') ?? '')
  }
  const openTicket = { id: '1234', subject: 'server23 gets a new disk' }
  return { url, apiKey, openTicket, closedTicket: '2000', notes, stop: world.stop }
})

import { real } from '../lab/need.ts'
import { attachRedmine } from '../lab/redmine.ts'
import { ticketsContract } from './redmine.contract.ts'

await real(['redmine'], 'a real Redmine', (data) => {
  ticketsContract('Redmine', async () => {
    const redmine = attachRedmine(data)
    const subject = 'server23 gets a new disk'
    const id = await redmine.createIssue(subject)
    const closedTicket = await redmine.createIssue('done long ago')
    await redmine.close(closedTicket)
    const notes = async (of: string) => (await redmine.notes(of)).map((journal) => journal.notes)
    return {
      url: data.url,
      apiKey: data.botKey,
      openTicket: { id, subject },
      closedTicket,
      notes,
      stop: async () => {},
    }
  })
})

import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openTickets } from '../../src/systems/redmine/adapter.ts'
import type { Tickets } from '../../src/systems/redmine/port.ts'

export type MadeRedmine = {
  readonly url: string
  readonly apiKey: string
  readonly openTicket: { readonly id: string; readonly subject: string }
  readonly closedTicket: string
  /** A ticket's notes, oldest first, read without the adapter. */
  readonly notes: (id: string) => Promise<readonly string[]>
  readonly stop: () => Promise<void>
}

/** What every Redmine must do, practice or real. */
export function ticketsContract(name: string, make: () => Promise<MadeRedmine>): void {
  describe(name, () => {
    let made: MadeRedmine
    let tickets: Tickets
    beforeAll(async () => {
      made = await make()
      tickets = openTickets(made)
    })
    afterAll(() => made.stop())

    it('reads a ticket, open or closed', async () => {
      const { id, subject } = made.openTicket
      expect(await tickets.read(id)).toMatchObject({ id, subject, open: true, url: `${made.url}/issues/${id}` })
      expect(await tickets.read(made.closedTicket)).toMatchObject({ open: false })
    })

    it('knows that there is no such ticket', async () => {
      for (const id of ['99999999', 'x', '../users/1', '']) expect(await tickets.read(id)).toBeUndefined()
    })

    it('writes a note once, and finds no marker that only begins like it', async () => {
      const { id } = made.openTicket
      const marker = `sluice:${randomUUID()}:plan`
      expect(await tickets.hasNote(id, marker)).toBe(false)
      expect(await tickets.note(id, { marker, text: 'Drain server23' })).toBe('written')
      expect(await tickets.note(id, { marker, text: 'Drain server23' })).toBe('there')
      expect(await tickets.hasNote(id, marker)).toBe(true)
      expect(await tickets.hasNote(id, marker.slice(0, -1))).toBe(false)
      expect((await made.notes(id)).filter((note) => note.includes(marker))).toHaveLength(1)
    })

    it("writes nothing when it is somebody else's after the look", async () => {
      const { id } = made.openTicket
      const marker = `sluice:${randomUUID()}:plan`
      const mine = () => {
        throw new Error('not mine')
      }
      await expect(tickets.note(id, { marker, text: 'Drain server23' }, { mine })).rejects.toThrow('not mine')
      expect((await made.notes(id)).filter((note) => note.includes(marker))).toEqual([])
    })

    it('keeps text as text and secrets out', async () => {
      const { id } = made.openTicket
      const marker = `sluice:${randomUUID()}:result`
      const text = 'h1. *no heading*\n* {{macro}} <script> </pre> abcdef.0123456789abcdef ü'
      await tickets.note(id, { marker, text })
      const note = (await made.notes(id)).find((one) => one.includes(marker)) ?? ''
      expect(note.match(/<\/pre>/g)).toHaveLength(1)
      expect(note).toContain('[bootstrap token] ü')
      expect(note).not.toContain('0123456789abcdef')
    })

    it('says REDMINE-AUTH for a wrong key', async () => {
      const stranger = openTickets({ url: made.url, apiKey: 'f'.repeat(40) })
      await expect(stranger.read(made.openTicket.id)).rejects.toMatchObject({ code: 'REDMINE-AUTH' })
    })

    it('goes with the caller when the caller gives up', async () => {
      const signal = AbortSignal.abort(new Error('cancelled'))
      await expect(tickets.read(made.openTicket.id, { signal })).rejects.toThrow('cancelled')
    })
  })
}

import { within } from '../../duration.ts'
import { z } from 'zod'
import { SluiceError } from '../../errors.ts'
import { redact } from '../../redact.ts'
import type { Ticket, Tickets } from './port.ts'

export type TicketOptions = {
  readonly url: string
  readonly apiKey: string
  /** One request, milliseconds. Default 10 s. */
  readonly timeoutMs?: number
}

const issue = z.object({
  issue: z.object({
    id: z.number(),
    subject: z.string(),
    project: z.object({ name: z.string() }),
    status: z.object({ name: z.string(), is_closed: z.boolean().optional() }),
    closed_on: z.string().nullish(),
    journals: z.array(z.object({ notes: z.string().nullish() })).optional(),
  }),
})
type Issue = z.infer<typeof issue>['issue']

const ID = /^\d{1,9}$/
const TIMEOUT_MS = 10_000
const NOTE_LIMIT = 60_000

/** Redmine by its REST API (measured against 5.0). Throws REDMINE-UNREACHABLE | REDMINE-AUTH | REDMINE-ERROR. */
export function openTickets(options: TicketOptions): Tickets {
  const base = options.url.replace(/\/+$/, '')
  const ask = asker(base, options)
  let checked: Promise<void> | undefined
  // with login_required off a wrong key answers 200 with nothing: only this address tells
  const keyIsGood = (signal?: AbortSignal): Promise<void> => {
    checked ??= ask('GET', '/users/current.json', 'checking the API key', signal).then((response) => {
      if (response.status >= 300)
        throw new SluiceError('REDMINE-AUTH', 'checking the API key', { text: `Redmine answers ${response.status}` })
    })
    checked.catch(() => {
      checked = undefined
    })
    return checked
  }
  const read = async (id: string, signal?: AbortSignal): Promise<Issue | undefined> => {
    if (!ID.test(id)) return undefined
    await keyIsGood(signal)
    const response = await ask('GET', `/issues/${id}.json?include=journals`, `reading ticket #${id}`, signal)
    if (response.status === 404 || response.status === 403) return undefined
    return issueOf(response.text, `reading ticket #${id}`)
  }
  const hasNote = async (id: string, marker: string, signal?: AbortSignal): Promise<boolean> =>
    (await read(id, signal))?.journals?.some((j) => holds(j.notes ?? '', marker)) === true
  return {
    url: (id) => `${base}/issues/${encodeURIComponent(id)}`,
    read: async (id, call = {}) => {
      const found = await read(id, call.signal)
      return found === undefined ? undefined : toTicket(found, `${base}/issues/${id}`)
    },
    hasNote: (id, marker, call = {}) => hasNote(id, marker, call.signal),
    note: async (id, { marker, text, links = [] }, call = {}) => {
      if (await hasNote(id, marker, call.signal)) return 'there'
      call.mine?.()
      const notes = [asTextile(redact(text)), ...links.map((link) => `Card: ${redact(link)}`), marker].join('\n\n')
      const response = await ask('PUT', `/issues/${id}.json`, `writing a note to ticket #${id}`, call.signal, {
        issue: { notes },
      })
      if (response.status >= 300)
        throw new SluiceError('REDMINE-ERROR', `writing a note to ticket #${id}`, {
          text: `Redmine answers ${response.status}`,
        })
      // Redmine answers 204 and drops what the key may not do: only the journal tells.
      if (!(await hasNote(id, marker, call.signal)))
        throw new SluiceError('REDMINE-ERROR', `writing a note to ticket #${id}`, {
          text: 'Redmine took the note and does not show it; the key may lack the permission to add notes',
        })
      return 'written'
    },
  }
}

/** A marker stands alone on its line: `sluice:1:plan` is not found in `sluice:1:plan2`. */
const holds = (notes: string, marker: string): boolean => notes.split(/\r?\n/).some((line) => line.trim() === marker)

const toTicket = ({ id, subject, project, status, closed_on: closedOn }: Issue, url: string): Ticket => ({
  id: String(id),
  subject,
  project: project.name,
  open: status.is_closed === undefined ? closedOn === undefined || closedOn === null : !status.is_closed,
  status: status.name,
  url,
})

/** The text as it stands: Textile would read stars, dashes and angle brackets as its own. */
const asTextile = (text: string): string =>
  `<pre>\n${text.slice(0, NOTE_LIMIT).replaceAll('</pre>', '< /pre>')}\n</pre>`

function issueOf(text: string, doing: string): Issue {
  try {
    return issue.parse(JSON.parse(text)).issue
  } catch (cause) {
    throw new SluiceError('REDMINE-ERROR', doing, { text: 'what answers is not a Redmine ticket', cause })
  }
}

type Reply = { readonly status: number; readonly text: string }
type Ask = (method: 'GET' | 'PUT', path: string, doing: string, signal?: AbortSignal, body?: object) => Promise<Reply>

/** The whole reply, so that a body that stalls counts against the same limit. A redirect is an answer: the key goes nowhere else. */
async function reply(url: string, init: RequestInit): Promise<Reply> {
  const response = await fetch(url, { ...init, redirect: 'manual' })
  return { status: response.status, text: await response.text() }
}

function asker(base: string, { apiKey, timeoutMs = TIMEOUT_MS }: TicketOptions): Ask {
  return async (method, path, doing, signal, body) => {
    const limit = within(timeoutMs, signal)
    const response = await reply(`${base}${path}`, {
      method,
      headers: { 'X-Redmine-API-Key': apiKey, 'Content-Type': 'application/json' },
      signal: limit,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    }).catch((cause: unknown) => {
      signal?.throwIfAborted()
      throw new SluiceError('REDMINE-UNREACHABLE', doing, {
        text: cause instanceof Error ? cause.message : String(cause),
        cause,
      })
    })
    if (response.status >= 500)
      throw new SluiceError('REDMINE-UNREACHABLE', doing, { text: `Redmine answers ${response.status}` })
    if (response.status === 401) throw new SluiceError('REDMINE-AUTH', doing)
    if (response.status >= 300 && response.status !== 404 && response.status !== 403)
      throw new SluiceError('REDMINE-ERROR', doing, {
        text: `Redmine answers ${response.status}: ${redact(response.text).slice(0, 200)}`,
      })
    return response
  }
}

import { asSluiceError } from '../errors.ts'
import { FINAL, type Revision } from '../jobs/job.ts'
import { type Drawn, readDrawn, writeDrawn } from '../store/messages.ts'
import { card, closedQuestion, endLine, questionCard } from './cards.ts'
import type { Place } from './chat.ts'
import { notesAreDue } from './notes.ts'
import { placeKey, placesOf, roomOf } from './places.ts'
import { chatOf, edit, type OutboxDeps, post } from './send.ts'

/** Draws the newest revision of a job in every place of its room and asks for its notes. One failing place does not stop the others. */
export async function draw(deps: OutboxDeps, job: string, wake: (key: string) => Promise<void>): Promise<void> {
  const revision = await deps.jobs.get(job)
  const room = revision === undefined ? undefined : roomOf(revision.asked.room, deps.rooms())
  if (revision === undefined || room === undefined || revision.state === 'received') return
  const places = placesOf(room, deps.chats)
  const drawn = await Promise.allSettled(places.map((place) => drawIn(deps, place, revision)))
  // a key of their own: a Redmine that is away must not hold back the cards
  if (await notesAreDue(deps, revision)) await wake(`notes/${job}`)
  const failed = drawn.find((r) => r.status === 'rejected')
  if (failed !== undefined) throw asSluiceError(failed.reason, `drawing job ${job}`)
}

async function drawIn(deps: OutboxDeps, place: Place, revision: Revision): Promise<void> {
  const drawn = await readDrawn(deps.store, revision.job, placeKey(place))
  if (revision.revision < drawn.revision) return
  const save = (next: Drawn): Promise<void> => writeDrawn(deps.store, revision.job, placeKey(place), next)
  const carded = await drawCard(deps, place, revision, drawn)
  await save(carded)
  const asked = await drawQuestions(deps, place, revision, carded, save)
  await drawEnd(deps, place, revision, asked, save)
}

async function drawCard(deps: OutboxDeps, place: Place, revision: Revision, drawn: Drawn): Promise<Drawn> {
  const message = card(revision, deps.view())
  const options = { key: `job-${revision.job}-card`, job: revision.job }
  if (drawn.card === undefined) {
    const refused = revision.state === 'refused' ? { ...message, mention: [revision.asked.by] } : message
    const sent = await post(deps, place, refused, options, { job: revision.job })
    return { ...drawn, revision: revision.revision, ...(sent === undefined ? {} : { card: sent.id }) }
  }
  if (revision.revision === drawn.revision) return drawn
  await edit(
    deps,
    place,
    drawn.card,
    message,
    { ...options, key: `${options.key}-${revision.revision}` },
    { job: revision.job },
  )
  return { ...drawn, revision: revision.revision }
}

async function drawQuestions(
  deps: OutboxDeps,
  place: Place,
  revision: Revision,
  drawn: Drawn,
  save: (d: Drawn) => Promise<void>,
): Promise<Drawn> {
  const { question, job } = revision
  const open = revision.state === 'waiting' ? question : undefined
  let now = drawn
  for (const [id, q] of Object.entries(drawn.questions)) {
    if (q.closed || id === open?.id || question?.id !== id) continue
    await edit(
      deps,
      place,
      q.id,
      closedQuestion(revision, question, deps.view()),
      { key: `job-${job}-question-${id}-closed`, job },
      { job, question: id },
    )
    now = { ...now, questions: { ...now.questions, [id]: { ...q, closed: true } } }
    await save(now)
  }
  if (open === undefined || now.questions[open.id] !== undefined) return now
  const message = questionCard(revision, open, deps.view())
  const sent = await post(
    deps,
    place,
    message,
    { key: `job-${job}-question-${open.id}`, job },
    { job, question: open.id },
  )
  if (sent === undefined) return now
  now = { ...now, questions: { ...now.questions, [open.id]: { id: sent.id, closed: false } } }
  await save(now)
  const chat = chatOf(deps, place.chat)
  for (const name of message.reactions ?? [])
    await chat?.react(sent, name, { key: `job-${job}-question-${open.id}-${name}`, job })
  return now
}

async function drawEnd(
  deps: OutboxDeps,
  place: Place,
  revision: Revision,
  drawn: Drawn,
  save: (d: Drawn) => Promise<void>,
): Promise<void> {
  // refused at once, the card itself told the asker; refused later, it was only edited
  const told = revision.state === 'refused' && Object.keys(drawn.questions).length === 0
  const ended = (FINAL.has(revision.state) || revision.state === 'needs-human') && !told
  if (!ended || drawn.end !== undefined) return
  const sent = await post(
    deps,
    place,
    endLine(revision),
    { key: `job-${revision.job}-end-${revision.state}`, job: revision.job },
    { job: revision.job },
  )
  if (sent !== undefined && FINAL.has(revision.state)) await save({ ...drawn, end: sent.id })
}

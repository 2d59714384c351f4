import { FINAL, type Revision } from '../jobs/job.ts'
import { type Drawn, readDrawn, writeDrawn } from '../store/messages.ts'
import { card, closedQuestion, endLine, questionCard } from './cards.ts'
import type { Place } from './chat.ts'
import { notesAreDue } from './notes.ts'
import { placeKey, placesOf, roomOf } from './places.ts'
import { chatOf, edit, type OutboxDeps, post } from './send.ts'

/**
 * Draws the newest revision of a job in every place of its room and asks for its notes. With several places each has a key of its own, and so its own
 * pauses after a failure: a platform that is away holds back no other.
 */
export async function draw(deps: OutboxDeps, job: string, wake: (key: string) => Promise<void>): Promise<void> {
  const revision = await deps.jobs.get(job)
  if (revision === undefined || revision.state === 'received') return
  const places = placesOfJob(deps, revision)
  const [only] = places
  if (places.length > 1) for (const place of places) await wake(`draw/${job}/${placeKey(place)}`)
  else await drawThenNotes(deps, only, revision, wake)
}

/** Draws the newest revision in one place of a job: `17/slack:C1`. */
export async function drawAt(deps: OutboxDeps, which: string, wake: (key: string) => Promise<void>): Promise<void> {
  const slash = which.indexOf('/')
  const revision = await deps.jobs.get(which.slice(0, slash))
  if (revision === undefined) return
  const place = placesOfJob(deps, revision).find((p) => placeKey(p) === which.slice(slash + 1))
  await drawThenNotes(deps, place, revision, wake)
}

/** The notes come after the card they link, and also when the card cannot be drawn; their key is their own: a Redmine that is away holds back no card. */
async function drawThenNotes(
  deps: OutboxDeps,
  place: Place | undefined,
  revision: Revision,
  wake: (key: string) => Promise<void>,
): Promise<void> {
  try {
    if (place !== undefined) await drawIn(deps, place, revision)
  } finally {
    if (await notesAreDue(deps, revision)) await wake(`notes/${revision.job}`)
  }
}

const placesOfJob = (deps: OutboxDeps, { asked }: Revision): readonly Place[] => {
  const room = roomOf(asked.room, deps.rooms())
  return room === undefined ? [] : placesOf(room, deps.chats)
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
  const life = FINAL.has(revision.state) ? ('over' as const) : ('live' as const)
  const options = { key: `job-${revision.job}-card`, job: revision.job, card: life }
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

import { SluiceError } from '../errors.ts'
import { FINAL, type Question, type Revision } from '../jobs/job.ts'
import type { Message } from '../message.ts'
import {
  aimAt,
  type Drawn,
  inStep,
  markBehind,
  readDrawn,
  removedMessages,
  removedSeen,
  type ShownQuestion,
  writeDrawn,
} from '../store/drawn.ts'
import { Paced, RANK } from './budget.ts'
import { card, endLine } from './cards.ts'
import type { Place } from './chat.ts'
import { notesAreDue } from './notes.ts'
import type { OutItem, Wake } from './outbox.ts'
import { placeKey, placesOf, roomOf } from './places.ts'
import { closedLater, closedQuestion, questionCard, reminder } from './question-card.ts'
import { edit, type OutboxDeps, post, type Turn } from './send.ts'

/** One job in one place, as it is drawn in one turn. */
type Page = {
  readonly turn: Turn
  readonly place: Place
  readonly revision: Revision
  readonly send: (item: OutItem) => Promise<void>
  /** What the place shows by now; `save` changes it. */
  drawn: Drawn
}

/** Somebody is to be told: the job is over, or waits for people. */
const hasEnded = ({ state }: Revision): boolean => FINAL.has(state) || state === 'needs-human'
const lifeOf = ({ state }: Revision): 'live' | 'over' => (FINAL.has(state) ? 'over' : 'live')
const isUrgent = (revision: Revision): boolean => hasEnded(revision) || revision.state === 'waiting'

/** Asks for the newest revision of a job to be drawn in every place of its room. Each has a key of its own, and so its own pauses: a platform that is away holds back no other. */
export async function draw(turn: Turn, job: string, wake: Wake): Promise<void> {
  const revision = await turn.jobs.get(job)
  if (revision?.asked.message !== undefined) await wake(`mark/${job}`)
  // a card at once would say nothing yet, unless it is that there is nothing to be said
  if (revision === undefined || (revision.state === 'received' && revision.trouble === undefined)) return
  const places = placesOfJob(turn, revision)
  for (const place of places) {
    await markBehind(turn.store, job, placeKey(place), revision.atMs)
    await wake(`draw/${job}/${placeKey(place)}`, isUrgent(revision))
  }
  if (places.length === 0 && (await notesAreDue(turn, revision))) await wake(`notes/${job}`)
}

/**
 * Draws the newest revision in one place of a job: `17/slack:C1`. The notes come after the card they link, and also when the card cannot be drawn; their
 * key is their own: a Redmine that is away holds back no card.
 */
export async function drawAt(turn: Turn, which: string, wake: Wake, send: Page['send']): Promise<void> {
  const slash = which.indexOf('/')
  const revision = await turn.jobs.get(which.slice(0, slash))
  if (revision === undefined) return
  const place = placesOfJob(turn, revision).find((p) => placeKey(p) === which.slice(slash + 1))
  let waits = false
  try {
    if (place !== undefined) await drawIn(turn, place, revision, send)
  } catch (error) {
    waits = error instanceof Paced
    throw error
  } finally {
    if (!waits && (await notesAreDue(turn, revision))) await wake(`notes/${revision.job}`)
  }
}

/** Where a job is shown. */
export const placesOfJob = (deps: OutboxDeps, { asked }: Revision): readonly Place[] => {
  const room = roomOf(asked.room, deps.rooms())
  return room === undefined ? [] : placesOf(room, deps.chats)
}

/** What has to wait for the platform's budget does not hold back what is more urgent. */
async function drawIn(turn: Turn, place: Place, revision: Revision, send: Page['send']): Promise<void> {
  const drawn = await readDrawn(turn.store, revision.job, placeKey(place))
  const page: Page = { turn, place, revision, send, drawn }
  await takeAwayRemoved(page)
  if (revision.revision < drawn.revision) return
  for (;;) {
    const before = page.drawn
    const waits = await drawParts(page)
    if (waits === undefined) break
    // something else was sent: what has to wait stands in line anew
    if (page.drawn === before) throw waits
  }
  await inStep(turn.store, revision.job, placeKey(place))
}

async function drawParts(page: Page): Promise<Paced | undefined> {
  let waits: Paced | undefined
  for (const part of [drawCard, closeQuestions, askQuestion, remind, tellEnd]) {
    try {
      await part(page)
    } catch (error) {
      if (!(error instanceof Paced)) throw error
      if (waits === undefined || error.retryAfterMs < waits.retryAfterMs) waits = error
    }
  }
  return waits
}

async function save(page: Page, more: Partial<Drawn>): Promise<void> {
  page.drawn = { ...page.drawn, ...more }
  await writeDrawn(page.turn.store, page.revision.job, placeKey(page.place), page.drawn)
}

/** What somebody removed is posted again once; removed once more, it stays away. */
async function takeAwayRemoved(page: Page): Promise<void> {
  const { store } = page.turn
  const { job } = page.revision
  const here = `${placeKey(page.place)}:`
  for (const at of await removedMessages(store, job)) {
    if (!at.startsWith(here)) continue
    await lose(page, at.slice(here.length))
    await removedSeen(store, job, at)
  }
}

async function lose(page: Page, message: string): Promise<void> {
  const { card: shown, ...rest } = page.drawn
  const again = rest.again ?? []
  if (shown === message) {
    page.drawn = rest
    return save(page, again.includes('card') ? { cardless: true } : { again: [...again, 'card'] })
  }
  const [id] = Object.entries(rest.questions).find(([, q]) => q.id === message && !q.closed) ?? []
  if (id === undefined) return
  const { [id]: gone, ...questions } = rest.questions
  if (gone !== undefined && again.includes(id))
    return save(page, { questions: { ...questions, [id]: { ...gone, closed: true, gone: true } } })
  await save(page, { questions, again: [...again, id] })
}

const keyOf = (page: Page, what: string, id: string): string =>
  `job-${page.revision.job}-${what}${page.drawn.again?.includes(id) === true ? '-again' : ''}`

async function drawCard(page: Page): Promise<void> {
  const { drawn, revision } = page
  if (drawn.card === undefined && drawn.cardless !== true) return postCard(page)
  if (revision.revision === drawn.revision) return
  if (drawn.card !== undefined) await editCard(page, drawn.card)
  else await save(page, { revision: revision.revision })
}

/** A job that is over before its card was posted needs no line at the end: the card says it, to the asker. */
async function postCard(page: Page): Promise<void> {
  const { turn, place, revision } = page
  const { job, state, asked } = revision
  const over = hasEnded(revision) && page.drawn.told === undefined
  const message = card(revision, turn.view())
  const posted = await post(
    turn,
    place,
    over ? { ...message, mention: [asked.by] } : message,
    { key: keyOf(page, 'card', 'card'), job, card: lifeOf(revision), says: String(revision.revision) },
    over ? RANK.act : RANK.card,
    { job },
  )
  if (posted === undefined) return
  // it may be an earlier attempt, which shows what was so then: edited at once, and nobody was told the end
  if (!posted.stale)
    return save(page, { card: posted.id, revision: revision.revision, ...(over ? { told: state } : {}) })
  await save(page, { card: posted.id, revision: 0 })
  await drawCard(page)
}

async function editCard(page: Page, id: string): Promise<void> {
  const { turn, place, revision } = page
  const { job } = revision
  const message = card(revision, turn.view())
  const options = { key: `job-${job}-card-${revision.revision}`, job, card: lifeOf(revision) }
  const isNewest = (): Promise<boolean> => aimAt(turn.store, job, placeKey(place), revision.revision)
  if (await isGone(edit(turn, { place, id }, message, options, { job }, isNewest))) {
    await lose(page, id)
    return drawCard(page)
  }
  await save(page, { revision: revision.revision })
}

/** True when somebody removed the message. */
const isGone = (sending: Promise<void>): Promise<boolean> =>
  sending.then(
    () => false,
    (error: unknown) => {
      if (error instanceof SluiceError && error.code === 'CHAT-GONE') return true
      throw error
    },
  )

/** Whatever question is not the open one takes no votes any more, and says so. */
async function closeQuestions(page: Page): Promise<void> {
  const { turn, place, revision } = page
  const { job } = revision
  for (const [id, q] of Object.entries(page.drawn.questions)) {
    if (q.closed || id === openQuestion(revision)?.id) continue
    const options = { key: `job-${job}-question-${id}-closed-${revision.revision}`, job }
    await isGone(edit(turn, { place, id: q.id }, closedMessage(page, id, q), options, { job, question: id }))
    await save(page, { questions: { ...page.drawn.questions, [id]: { ...q, closed: true } } })
  }
}

const openQuestion = ({ question, state }: Revision): Question | undefined =>
  state === 'waiting' ? question : undefined

const closedMessage = ({ turn, revision }: Page, id: string, { approval }: ShownQuestion): Message =>
  revision.question?.id === id
    ? closedQuestion(revision, revision.question, turn.view())
    : closedLater(revision, approval === true, turn.view())

/** Votes belong to the question, not to its message: asked again, it has those it had. */
async function askQuestion(page: Page): Promise<void> {
  const { turn, place, revision } = page
  const { job } = revision
  const question = openQuestion(revision)
  if (question === undefined) return
  const shown = page.drawn.questions[question.id]
  const message = questionCard(revision, question, turn.view())
  if (shown !== undefined) return reopen(page, question.id, shown, message)
  const key = keyOf(page, `question-${question.id}`, question.id)
  const posted = await post(turn, place, message, { key, job }, RANK.act, { job, question: question.id })
  if (posted === undefined) return
  for (const name of message.reactions ?? [])
    await page.send({ kind: 'react', key: `${key}-${name}`, place, message: posted.id, name })
  const kind = question.kind === 'approval' ? { approval: true as const } : {}
  await save(page, { questions: { ...page.drawn.questions, [question.id]: { id: posted.id, closed: false, ...kind } } })
}

/** A vote that was taken back in time opens the question again. */
async function reopen(page: Page, id: string, shown: ShownQuestion, message: Message): Promise<void> {
  const { turn, place, revision } = page
  const { job } = revision
  if (!shown.closed || shown.gone === true) return
  const options = { key: `job-${job}-question-${id}-open-${revision.revision}`, job }
  await isGone(edit(turn, { place, id: shown.id }, message, options, { job, question: id }))
  await save(page, { questions: { ...page.drawn.questions, [id]: { ...shown, closed: false } } })
}

/** Half-way the people it waits for are called once more, under the question. */
async function remind(page: Page): Promise<void> {
  const { turn, place, revision, drawn } = page
  const { job } = revision
  const question = openQuestion(revision)
  const shown = question === undefined ? undefined : drawn.questions[question.id]
  if (question?.remindedAtMs === undefined || shown === undefined || shown.closed || shown.reminded === true) return
  const options = { key: `job-${job}-question-${question.id}-reminder`, job, thread: shown.id }
  await post(turn, place, reminder(revision, question, turn.view()), options, RANK.act, { job, question: question.id })
  await save(page, { questions: { ...page.drawn.questions, [question.id]: { ...shown, reminded: true } } })
}

async function tellEnd(page: Page): Promise<void> {
  const { turn, place, revision } = page
  const { job, state } = revision
  if (!hasEnded(revision) || page.drawn.told === state) return
  const posted = await post(turn, place, endLine(revision), { key: `job-${job}-end-${state}`, job }, RANK.act, { job })
  if (posted !== undefined) await save(page, { told: state })
}

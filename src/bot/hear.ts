import type { Understood } from '../commands/command.ts'
import { humanSpan } from '../duration.ts'
import { refuse } from '../errors.ts'
import { type Block, moment, say } from '../message.ts'
import { aboutMessage, countRequest, type Pending, settleOnce } from '../store/messages.ts'
import { askBack, choiceOf, late, pendingFor, settle } from './ask.ts'
import { refusal } from './cards.ts'
import { leavesMessage } from './chat.ts'
import { placeKey } from './places.ts'
import { messageKey, realId, reply, type Scene, type Understanding, whomIn, wordsOf } from './scene.ts'
import { whichJob } from './which-job.ts'

type Command = Extract<Understood, { result: 'command' }>['commands'][number]
type Where = { readonly thread?: string; readonly threadJob?: string }
const CHAT_IN_THREAD_WORDS = 3
/** Clocks of chat platforms and ours may differ by so much. */
const SKEW_MS = 5_000
/** A question is answered so long after it was asked. */
const STALE_MS = 3_600_000

/** A text: what it answers, what it asks for, or nothing at all when people talk to each other. */
export async function heard(scene: Scene, text: string, thread?: string): Promise<void> {
  const { deps, incoming, person } = scene
  const about =
    thread === undefined ? undefined : await aboutMessage(deps.store, messageKey(incoming, await realId(scene, thread)))
  const where = whereOf(thread, about?.job)
  const asked = await pendingFor(deps, whomIn(scene, thread), incoming.sentAtMs)
  const toUs = incoming.kind !== 'text' || incoming.addressed || about?.job !== undefined
  const toQuestion = about?.asked?.person === person.name || (thread !== undefined && asked?.pending.thread === thread)
  if (!toUs && !toQuestion) return
  const wouldBe = asked?.state === 'late' ? choiceOf(text, asked.pending) : undefined
  if (wouldBe !== undefined) return offerLate(scene, wouldBe, thread)
  const pending = asked?.state === 'open' ? asked.pending : undefined
  const heardAs = deps.understand(pending === undefined ? text : spoken(text, pending), {
    ...(await situation(scene, where)),
    ...(pending === undefined ? {} : { pending }),
  })
  const understood = pending === undefined ? unasked(text, heardAs, where) : noneOf(text, heardAs, pending)
  if (!toUs && understood.result !== 'command' && text.trim().split(/\s+/).length > CHAT_IN_THREAD_WORDS) return
  await understoodAs(scene, text, understood, where, asked?.pending)
}

/** A sentence somebody took up by a button or a reaction: no reply, whatever it says. */
export async function heardWhole(scene: Scene, sentence: string, where: Where = {}): Promise<void> {
  const understood = scene.deps.understand(sentence, await situation(scene, where))
  const asked = await pendingFor(scene.deps, whomIn(scene, where.thread), scene.incoming.sentAtMs)
  await understoodAs(scene, sentence, understood, where, asked?.pending)
}

const whereOf = (thread: string | undefined, threadJob: string | undefined): Where => ({
  ...(thread === undefined ? {} : { thread }),
  ...(threadJob === undefined ? {} : { threadJob }),
})

/** A number where nothing was asked (of this person) is told so: it is no node. */
function unasked(text: string, understood: Understood, { threadJob }: Where): Understood {
  if (understood.result === 'command' || threadJob !== undefined || !/^\s*[1-9]\s*$/.test(text)) return understood
  const message = `I have asked you nothing that \`${text.trim()}\` answers.`
  return { result: 'refuse', code: 'PARSE-UNKNOWN', message, choices: [] }
}

const UNCLEAR: ReadonlySet<string> = new Set(['PARSE-UNKNOWN', 'PARSE-CLUSTER', 'PARSE-NODE'])

/** One word that is none of the choices and nothing else: they are shown once more. */
function noneOf(text: string, understood: Understood, { choices, fill, offer }: Pending): Understood {
  if (offer || fill !== undefined || choices.length === 0 || !/^\s*\S{1,30}\s*$/.test(text)) return understood
  if (understood.result !== 'refuse' || !UNCLEAR.has(understood.code)) return understood
  return { result: 'ask', code: 'PARSE-AMBIGUOUS', message: `"${text.trim()}" is none of these.`, choices }
}

/** Of several offers a bare number names none: it is asked which. */
const spoken = (text: string, { offer, choices }: Pending): string =>
  offer && choices.length > 1 && /^\s*\d+\s*$/.test(text) ? 'yes' : text

async function situation({ deps, room }: Scene, { threadJob }: Where): Promise<Understanding> {
  if (threadJob === undefined) return { room }
  return { room, thread: { job: threadJob, words: wordsOf((await deps.jobs.get(threadJob))?.question) } }
}

/** The question was open for ten minutes: the sentence is offered anew. */
export async function offerLate(scene: Scene, chosen: string, thread?: string): Promise<void> {
  const choices = [{ label: chosen, text: chosen }]
  await askBack(scene.deps, whomIn(scene, thread), { blocks: refusal(late(chosen)).blocks, choices })
}

/** `asked`: what this person was asked last here. */
async function understoodAs(
  scene: Scene,
  text: string,
  understood: Understood,
  where: Where,
  asked?: Pending,
): Promise<void> {
  const { deps, incoming } = scene
  if (understood.result === 'ignore') return
  const acts = understood.result === 'command' ? deps.acts(understood.commands[0]?.command ?? '') : undefined
  const vote = acts !== undefined && acts !== 'start'
  if (!vote && (await tooMany(scene, where.thread))) return
  if (!vote && asked !== undefined) await settleOlder(scene, understood, where, asked)
  const ageMs = vote ? 0 : deps.nowMs() - incoming.sentAtMs
  const stale = ageMs > STALE_MS
  if (understood.result !== 'command')
    return stale ? wasAway(scene, text, where.thread) : unclear(scene, understood, where)
  const meant = understood.meant ?? text
  const starts = acts === 'start' || understood.commands.some((c) => c.risk !== 'read')
  if (starts && ageMs > deps.limits.oldCommandMs) return offerOld(scene, meant, where.thread)
  if (stale) return wasAway(scene, meant, where.thread)
  const [first] = understood.commands
  if (first !== undefined && first.risk !== 'read') return wanted(scene, first, meant)
  for (const [i, command] of understood.commands.entries()) await answered(scene, command, i, meant, where)
}

/** Whatever this person was asked last: this answers it, or is newer. */
async function settleOlder(scene: Scene, understood: Understood, { thread }: Where, asked: Pending): Promise<void> {
  const no = understood.result === 'refuse'
  if (no && understood.code !== 'PARSE-NEGATED') return
  const meant = understood.result === 'command' ? understood.meant : undefined
  await settle(scene.deps, whomIn(scene, thread), asked, meant, no || !asked.offer)
}

/** More than a person's share in a minute: told once in that minute, with when to try again. A console is a script's or a person's own. */
async function tooMany(scene: Scene, thread: string | undefined): Promise<boolean> {
  const { deps, incoming, person, event } = scene
  if (incoming.place.chat === 'console') return false
  const { sentAtMs } = incoming
  const most = deps.limits.requestsPerMinute
  // by when it was said: what waited while the bot was away comes all at once
  if ((await countRequest(deps.store, person.name, sentAtMs)) <= most) return false
  const minute = Math.floor(sentAtMs / 60_000)
  if ((await settleOnce(deps.store, `slow:${person.name}:${minute}`, event)) !== event) return true
  const no = refuse(
    'RATE-PERSON',
    `That is more than ${most} requests in a minute, ${person.name}; this one was not taken.`,
    { next: `Try again in ${humanSpan(Math.max(0, (minute + 1) * 60_000 - deps.nowMs()))}. Votes always count.` },
  )
  await reply(scene, 'slow', refusal(no), thread)
  return true
}

/** Without the `!` that calls Sluice. */
const uncalled = (text: string): string => text.replace(/^\s*!\s*/, '')

/** What changes something is offered when it is old. */
async function offerOld(scene: Scene, text: string, thread: string | undefined): Promise<void> {
  const { deps, incoming, person } = scene
  const sentence = uncalled(text)
  const reader = { timeZone: person.timeZone, nowMs: deps.nowMs() }
  const when = moment(incoming.sentAtMs, reader)
  const said = [
    'You said ',
    { code: sentence },
    ' at ',
    when,
    ', while I was away. Nothing was done. Do you still want it? (OFFER-OLD)',
  ]
  const blocks: readonly Block[] = [{ kind: 'note', tone: 'warn', text: said }]
  await askBack(deps, whomIn(scene, thread), { blocks, choices: [{ label: sentence, text: sentence }], offer: true })
}

/** What only asked is not answered hours later: one line says so for all of it. */
async function wasAway(scene: Scene, text: string, thread: string | undefined): Promise<void> {
  const { deps, incoming, person, event } = scene
  const nowMs = deps.nowMs()
  const turn = Math.floor(nowMs / STALE_MS)
  const what = `away:${placeKey(incoming.place)}:${person.name}:${turn}`
  if ((await settleOnce(deps.store, what, event)) !== event) return
  const when = moment(incoming.sentAtMs, { timeZone: person.timeZone, nowMs })
  const said = [
    'You asked ',
    { code: uncalled(text) },
    ' at ',
    when,
    ', while I was away. What you asked then is not answered any more: ask again if you still want to know.',
  ]
  await reply(scene, 'away', say(said, 'info'), thread)
}

/** Asked back, or refused: with the line and its caret in fixed width, and the sentence under it. */
async function unclear(
  scene: Scene,
  understood: Extract<Understood, { result: 'ask' | 'refuse' }>,
  where: Where,
): Promise<void> {
  const fill = understood.result === 'ask' ? understood.fill : undefined
  if (fill?.arg === 'job') {
    const found = await whichJob(scene, fill, understood.message)
    if ('job' in found) return heardWhole(scene, `${fill.before}${found.job}${fill.after}`, where)
    if ('no' in found) return reply(scene, 'which', refusal(found.no), where.thread)
    return askBack(scene.deps, whomIn(scene, where.thread), { ...found, fill })
  }
  const { shown, said } = split(understood.message)
  const calm = understood.result === 'ask' || (understood.code === 'PARSE-NEGATED' && shown === '')
  const tone = calm ? 'info' : 'error'
  const blocks: readonly Block[] = [
    ...(shown === '' ? [] : [{ kind: 'code', text: shown } as const]),
    { kind: 'note', tone, text: `${said} (${understood.code})` },
  ]
  const nothing = understood.choices.length === 0 && fill === undefined
  if (nothing) return reply(scene, 'ask', { blocks }, where.thread)
  await askBack(scene.deps, whomIn(scene, where.thread), {
    blocks,
    choices: understood.choices,
    ...(fill === undefined ? {} : { fill }),
  })
}

function split(message: string): { readonly shown: string; readonly said: string } {
  const lines = message.split('\n')
  const caret = lines.findIndex((line) => /^\s*\^+\s*$/.test(line))
  return caret < 0
    ? { shown: '', said: lines.join(' ') }
    : { shown: lines.slice(0, caret + 1).join('\n'), said: lines.slice(caret + 1).join(' ') }
}

/** A change becomes a job. The card follows from the job's first revision. */
async function wanted(scene: Scene, { command, args }: Command, text: string): Promise<void> {
  const { deps, incoming, person, room, event } = scene
  const ticket = args['ticket']
  const typed = incoming.kind === 'text' && leavesMessage(incoming.message)
  await deps.jobs.submit({
    command,
    args,
    by: person.name,
    room: room.name,
    text,
    atMs: incoming.sentAtMs,
    event,
    ...(typed ? { message: messageKey(incoming, incoming.message) } : {}),
    ...(typeof ticket === 'string' ? { ticket } : {}),
  })
}

async function answered(scene: Scene, command: Command, i: number, text: string, where: Where): Promise<void> {
  const { deps, incoming, person, room, event } = scene
  if (await isForOlder(scene, command)) return reply(scene, 'vote', refusal(refuse('VOTE-OLD')), where.thread)
  await deps.answer({
    command: command.command,
    args: command.args,
    person: person.name,
    room: room.name,
    event: `${event}${i === 0 ? '' : `:${i}`}`,
    text,
    atMs: incoming.sentAtMs,
    place: incoming.place,
    ...where,
  })
}

/** Words count for the newest question before them: one that was asked after they were sent is another question. */
async function isForOlder({ deps, incoming }: Scene, { command, args }: Command): Promise<boolean> {
  const { job, word } = args
  if (deps.acts(command) !== 'vote' || typeof job !== 'string') return false
  const question = (await deps.jobs.get(job))?.question
  if (question === undefined || (typeof word === 'string' && !wordsOf(question).includes(word))) return false
  return incoming.sentAtMs + SKEW_MS < question.askedAtMs
}

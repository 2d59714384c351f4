import type { Capabilities, CapabilityName, Command } from '../commands/command.ts'
import type { PersonConfig } from '../config.ts'
import { asSluiceError, isRefusal, type Refusal, refuse } from '../errors.ts'
import type { Log } from '../log.ts'
import type { Message } from '../message.ts'
import { storeTrouble } from '../store/trouble.ts'
import { askBack, type AskDeps, type Whom } from './ask.ts'
import { refusal } from './cards.ts'
import { inShort } from './long.ts'
import type { Question } from './scene.ts'

export type AnswerDeps = AskDeps & {
  readonly commands: () => readonly Command[]
  readonly capabilities: (person: PersonConfig) => Capabilities
  readonly people: () => readonly PersonConfig[]
  readonly log: Log
  /** Whether the identity of a cluster is known; a read of another one says so. */
  readonly isPinned: (cluster: string) => boolean
}

/** Whether the command asks a cluster: then it is answered aside, so that the room goes on. */
export const asksCluster = (command: Command | undefined): boolean =>
  command?.kind === 'answer' && (command.asksCluster === true || command.takes.includes('cluster'))

/** Runs an answer command with exactly the capabilities it names and sends what it says. A fault is told with its code, never swallowed. */
export function makeAnswers(deps: AnswerDeps): (question: Question, signal: AbortSignal) => Promise<void> {
  return async (question, signal) => {
    const said = await run(deps, question, signal)
    const { place, event, person, thread } = question
    const where = { place, ...(thread === undefined ? {} : { thread }) }
    const whom: Whom = { person, event, ...where }
    if (isRefusal(said) && said.choices !== undefined && said.choices.length > 0)
      return askBack(deps, whom, { blocks: refusal(said).blocks, choices: said.choices })
    await deps.send({
      kind: 'say',
      key: `answer:${event}`,
      to: question.person,
      ...where,
      message: messageOf(said, question),
    })
  }
}

/** In a terminal one scrolls, and a script wants the whole; elsewhere what is more than a screen goes into a file. */
function messageOf(said: Message | Refusal, { place, command }: Question): Message {
  if (isRefusal(said)) return refusal(said)
  return place.chat === 'console' ? said : inShort(said, `${command.replaceAll(' ', '-')}.txt`)
}

async function run(deps: AnswerDeps, question: Question, signal: AbortSignal): Promise<Message | Refusal> {
  const command = deps.commands().find((c) => c.name === question.command)
  const person = deps.people().find((p) => p.name === question.person)
  if (command?.kind !== 'answer' || person === undefined) return refuse('PARSE-UNKNOWN')
  const parsed = command.args.safeParse(question.args)
  if (!parsed.success) return refuse('PARSE-ARGUMENT', parsed.error.issues[0]?.message)
  const all = deps.capabilities(person)
  const given = Object.fromEntries(command.takes.map((name: CapabilityName) => [name, all[name]]))
  const { room, event, text, atMs, threadJob } = question
  const situation = {
    person,
    room,
    event,
    text,
    atMs,
    signal,
    ...(threadJob === undefined ? {} : { thread: { job: threadJob } }),
  }
  try {
    // `given` holds what the command named: answer() typed its ctx so
    const said = await command.answer(parsed.data, { ...given, ...situation } as never)
    return isRefusal(said)
      ? said
      : warned(deps, command.takes.includes('cluster') ? question.args['cluster'] : undefined, said)
  } catch (error) {
    const doing = `answering ${question.command}`
    // a word of somebody who was heard (a vote, a cancel) is not lost with it: the queue tries again
    const trouble = storeTrouble(error, doing)
    if (trouble !== undefined) throw trouble
    const known = asSluiceError(error, doing)
    deps.log.error({ code: known.code, command: question.command }, known.stack ?? known.message)
    return refuse(known.code, known.message, { next: known.next })
  }
}

/** On a cluster whose identity is not pinned yet, a read answers with a warning. */
const warned = (deps: AnswerDeps, cluster: unknown, said: Message): Message =>
  typeof cluster !== 'string' || deps.isPinned(cluster)
    ? said
    : {
        ...said,
        blocks: [
          ...said.blocks,
          {
            kind: 'note',
            tone: 'warn',
            text: `The identity of ${cluster} is not pinned: nothing proves yet that this is the right cluster. The first change will need an approval, which pins it.`,
          },
        ],
      }

import { z } from 'zod'
import type { ChangeCommand, Filled, Form, FormField, FormValues, Inventory, Phrase, Understood } from './command.ts'

const HINTS: Readonly<Record<string, string>> = {
  nodes: 'server23, server24, or server22-27',
  duration: '90s, 30m, 1h',
  number: 'a whole number',
  ticket: '#1234',
}
const MESSAGE_LENGTH = 300

const sayOf = (phrase: Phrase): string => (typeof phrase === 'string' ? phrase : phrase.say)
const setOf = (phrase: Phrase): Readonly<Record<string, unknown>> => (typeof phrase === 'string' ? {} : phrase.set)
const SLOT = /\{(\w+)(?::(\w+))?\}/

/** The plain way to say a phrase: first of each choice, nothing optional, slots filled. */
function spoken(say: string, values: Readonly<Record<string, string>>): string {
  return say
    .replace(/\[[^[\]]*\]/g, '')
    .replace(/\(([^|()]*)[^()]*\)/g, '$1')
    .replace(/[^\s{}|=]+(?:\|[^\s{}|]+)+/g, (choice) => choice.split('|')[0] ?? '')
    .replace(new RegExp(SLOT, 'g'), (_whole, arg: string) => values[arg] ?? '')
    .replace(/\s+/g, ' ')
    .trim()
}

/** Every argument's name. */
const argNames = (command: ChangeCommand): readonly string[] => {
  const shape: unknown = 'shape' in command.args ? command.args.shape : undefined
  return typeof shape === 'object' && shape !== null ? Object.keys(shape) : []
}

const isNeeded = ({ args }: ChangeCommand, arg: string): boolean => {
  const schema: unknown = 'shape' in args ? Object(args.shape)[arg] : undefined
  return schema instanceof z.ZodType && !schema.safeParse(undefined).success
}

/** The option that says an argument: in words where there are some, else as a flag of kubectl. */
function optionOf(
  command: ChangeCommand,
  arg: string,
): { readonly phrase: Phrase; readonly slot?: string } | undefined {
  const all = (command.options ?? []).flatMap((phrase) => {
    const [, name, type] = SLOT.exec(sayOf(phrase)) ?? []
    if (name === arg) return [{ phrase, slot: type ?? name }]
    return setOf(phrase)[arg] === true && !sayOf(phrase).startsWith('--') ? [{ phrase }] : []
  })
  return all.find(({ phrase }) => !sayOf(phrase).startsWith('--')) ?? all[0]
}

const labelOf = (words: string): string => {
  const plain = words.replace(/^--/, '').replace(/=$/, '').replaceAll('-', ' ').trim()
  return plain.charAt(0).toUpperCase() + plain.slice(1)
}

function fieldOf(command: ChangeCommand, arg: string, inventory: Inventory): FormField | undefined {
  if (arg === 'cluster') {
    const choices = inventory.clusters.filter((c) => c.state === 'active').map((c) => c.name)
    return { id: arg, label: 'Cluster', kind: 'choice', choices, optional: false }
  }
  if (arg === 'ticket') return { id: arg, label: 'Ticket', kind: 'text', optional: true, hint: HINTS['ticket'] ?? '' }
  const option = optionOf(command, arg)
  if (option === undefined) return undefined
  const label = labelOf(spoken(sayOf(option.phrase), {}))
  if (option.slot === undefined) return { id: arg, label, kind: 'flag', optional: true }
  const hint = HINTS[option.slot]
  return { id: arg, label, kind: 'text', optional: !isNeeded(command, arg), ...(hint === undefined ? {} : { hint }) }
}

/** The phrase that a form fills: the command's first. */
const mainPhrase = (command: ChangeCommand): string => sayOf(command.phrases[0] ?? command.name)

/** A change as a form: what its first phrase needs, the cluster, and every option it has words for. Pure. */
export function formOf(command: ChangeCommand, inventory: Inventory): Form {
  const main = [
    ...mainPhrase(command)
      .replace(/\[[^[\]]*\]/g, '')
      .matchAll(new RegExp(SLOT, 'g')),
  ].map(([, arg = '', slot = arg]): FormField => {
    const hint = HINTS[slot]
    return { id: arg, label: labelOf(arg), kind: 'text', optional: false, ...(hint === undefined ? {} : { hint }) }
  })
  const named = new Set(main.map((f) => f.id))
  const rest = argNames(command).flatMap((arg) => (named.has(arg) ? [] : (fieldOf(command, arg, inventory) ?? [])))
  const rank = (f: FormField): number => (f.kind === 'choice' ? 0 : f.kind === 'flag' ? 1 : 2)
  return {
    name: command.name,
    summary: command.summary,
    example: command.examples[0] ?? command.name,
    fields: [...main, ...rest.toSorted((a, b) => rank(a) - rank(b))],
  }
}

const quoted = (text: string): string => `"${text.replace(/["\s]+/g, (bad) => (bad.includes('"') ? "'" : ' ')).trim()}"`

/** The words one filled field adds to the sentence. */
function wordsOf(command: ChangeCommand, field: FormField, value: string | true): string {
  const text = value === true ? '' : value.trim()
  if (field.id === 'cluster') return `on ${text}`
  if (field.id === 'ticket') return `#${text.replace(/^#/, '')}`
  const option = optionOf(command, field.id)
  if (option === undefined) return ''
  return spoken(sayOf(option.phrase), { [field.id]: option.slot === 'text' ? quoted(text) : text })
}

const isFilled = (value: string | true | undefined): value is string | true =>
  value === true || (value ?? '').trim() !== ''

/**
 * What was filled in as the sentence a person would have typed. Each field is read with those that must be there, so that a
 * complaint stands at the field it is about; a field that would say more than itself is refused. Pure.
 */
export function fill(
  command: ChangeCommand,
  form: Form,
  values: FormValues,
  understand: (sentence: string) => Understood,
): Filled {
  const missing = form.fields.filter((f) => !f.optional && !isFilled(values[f.id]))
  if (missing.length > 0) return { errors: Object.fromEntries(missing.map((f) => [f.id, `${f.label} is missing.`])) }
  const must = form.fields.filter((f) => !f.optional)
  const may = form.fields.filter((f) => f.optional && isFilled(values[f.id]))
  const said = (field: FormField): string => wordsOf(command, field, values[field.id] ?? '')
  const given = Object.fromEntries(must.map((f) => [f.id, String(values[f.id]).trim()]))
  const inPhrase = new Set([...mainPhrase(command).matchAll(new RegExp(SLOT, 'g'))].map(([, arg]) => arg))
  const base = [spoken(mainPhrase(command), given), ...must.filter((f) => !inPhrase.has(f.id)).map(said)].join(' ')
  const whyNot = (fields: readonly FormField[]): Problem | undefined =>
    problem(command, [...must, ...fields], understand([base, ...fields.map(said)].join(' ')))
  const first = must[0]?.id ?? ''
  const bad = whyNot([])
  if (bad !== undefined) return { errors: { [bad.code === 'PARSE-CLUSTER' ? 'cluster' : first]: bad.text } }
  const errors = may.flatMap((f) => {
    const no = whyNot([f])
    return no === undefined ? [] : [[f.id, no.text] as const]
  })
  if (errors.length > 0) return { errors: Object.fromEntries(errors) }
  const together = whyNot(may)
  return together === undefined
    ? { sentence: [base, ...may.map(said)].join(' ') }
    : { errors: { [first]: together.text } }
}

type Problem = { readonly code: string; readonly text: string }

/** Why a sentence is not this command with these arguments and no other. */
function problem(command: ChangeCommand, fields: readonly FormField[], read: Understood): Problem | undefined {
  if (read.result === 'ignore') return { code: 'PARSE-UNKNOWN', text: 'These words are not understood.' }
  if (read.result !== 'command') {
    const offers = read.choices.map((c) => c.label).join(', ')
    const said = read.message.split('\n').at(-1) ?? read.message
    return { code: read.code, text: `${said}${offers === '' ? '' : ` (${offers})`}`.slice(0, MESSAGE_LENGTH) }
  }
  const [only, more] = read.commands
  const wanted = new Set(fields.map((f) => f.id))
  const extra = Object.keys(only?.args ?? {}).filter((arg) => !wanted.has(arg))
  if (more !== undefined || only?.command !== command.name) {
    const names = read.commands.map((c) => c.command).join(' and ')
    return { code: 'PARSE-SEVERAL', text: `This would be read as ${names}.` }
  }
  return extra.length === 0
    ? undefined
    : { code: 'PARSE-ARGUMENT', text: `This would say more than its field: ${extra.join(', ')}.` }
}

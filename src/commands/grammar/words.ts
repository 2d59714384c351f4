import type { Token } from './tokens.ts'

/** Sequences of words by their first word, longest first. */
export type WordTable = ReadonlyMap<string, readonly (readonly string[])[]>

/** `a | b c | d`, over several lines. */
const listed = (text: string): readonly string[] => text.trim().split(/ \|\s+/)

const table = (text: string, more: readonly string[] = []): WordTable => {
  const map = new Map<string, (readonly string[])[]>()
  for (const words of [...listed(text), ...more].map((s) => s.split(' '))) {
    const first = words[0] ?? ''
    map.set(
      first,
      [...(map.get(first) ?? []), words].toSorted((a, b) => b.length - a.length),
    )
  }
  return map
}

/** The index after the longest sequence that starts at `at`, or `at`. */
export function skipWords(known: WordTable, tokens: readonly Token[], at: number): number {
  const here = tokens[at]
  if (here === undefined || here.quoted) return at
  for (const words of known.get(here.lower) ?? []) {
    if (words.every((word, i) => tokens[at + i]?.lower === word && tokens[at + i]?.quoted === false))
      return at + words.length
  }
  return at
}

/** Said out of politeness or habit; dropped wherever no phrase wants them. */
export const FILLERS = table(
  `
  please | pls | plz | plse | bitte | kindly | hey | hi | hello | hallo | moin | hoi | thanks | thx |
  thank you | thanks a lot | many thanks | ty | cheers | danke | danke dir | merci | vielen dank | can you |
  could you | would you | will you | can u | could u | would you mind | kannst du | könntest du |
  koenntest du | würdest du | wuerdest du | können sie | könnten sie | i want you to | i want to | we want to | i need to | i would like to | i'd like to | let's | lets | ich möchte | ich will | i need you to |
  i would like you to | i'd like you to | go ahead and | go ahead | for me | for us | für mich | für uns |
  uns | mir | me | us | now | right now | immediately | asap | jetzt | sofort | mal | doch | just | again |
  then | so | ok | okay | alright | the | a | an | den | die | das | dem | der | einen | eine | cluster |
  sluice | kubectl | tell me | show me | give me | . | ! | , | : | ( | ) | mister | folks | everyone |
  all right | there | also | too | auch | --
`,
  ['\n'],
)

/** A request in the form of a question: a trailing `?` does not make it one. */
export const REQUESTS = table(`
  can you | could you | would you | will you | can u | could u | please | pls | plz | bitte | kannst du |
  könntest du | koenntest du | würdest du | wuerdest du | können sie | könnten sie
`)

/** Before a change these make it a question: planned, never done. */
export const QUESTIONS = table(`
  should we | should i | shall we | shall i | can i | can we | may i | may we | could i | could we |
  might i | would it be safe to | would it be ok to | what happens if | what happens when |
  what would happen if | what will happen if | what if | what does it do if | is it safe to | is it ok to |
  is it okay to | is it possible to | is it fine to | do we dare to | are we able to | am i allowed to |
  are we allowed to | do you think we should | do you think i should | do you think we can |
  do you think i can | would you recommend to | does it hurt to | what about | how about | darf ich |
  dürfen wir | duerfen wir | kann ich | können wir | koennen wir | soll ich | sollen wir | sollten wir |
  sollte ich | was passiert wenn | was passiert , wenn | was wäre wenn | ist es sicher
`)

/** After a question: whose action it would be. */
export const ACTORS = table(`
  i | we | you | one | someone | somebody | anyone | to | ich | wir | man | du
`)

/** Before a change: plan it only. */
export const PLANS = table(`
  plan | plan to | plan a | plan for | dry run | dry run of | dry-run | dryrun | preview | preview of |
  simulate | rehearse | explain | what would | show plan for | show me the plan for | show the plan for |
  planne | plane
`)

/** Words that turn a sentence round, in English and German. */
export const isNegation = (word: string): boolean => PLAIN_NEGATIONS.has(word) || word.endsWith("n't")
const PLAIN_NEGATIONS: ReadonlySet<string> = new Set(
  listed(`
  not | no | never | dont | doesnt | didnt | wont | cant | cannot | shouldnt | mustnt | wouldnt | couldnt |
  isnt | arent | neednt | aint | without | neither | nor | none | nope | nah | avoid | refrain | nicht |
  nie | niemals | kein | keine | keinen | keinem | keiner | nein | ohne | nö | nichts | nothing
`),
)

/** Words no node, cluster or person is called: a slot never takes them. */
export const STOP_WORDS: ReadonlySet<string> = new Set(
  listed(`
  on | in | at | of | for | from | to | auf | von | für | aus | im | am | um | the | a | an | and | und |
  or | oder | that | which | who | what | how | why | when | where | is | are | was | with | by | as | it |
  this | these | those | my | our | your | i | we | you | me | us | if | because | weil | until | every |
  each | all | alle | everything | anything | some | any | please | bitte | back | up | down | out | then |
  than | but | now | thanks | thx | danke | be | do | does | have | has | , | ; | \n | ? | ! | . | : | & |
  ( | )
`),
)

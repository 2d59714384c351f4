/** Slack's words for emoji, both ways. https://api.slack.com/methods/reactions.add takes the word, people see the picture. */
const EMOJI: Record<string, string> = {
  white_check_mark: '✅',
  x: '❌',
  '+1': '👍',
  thumbsup: '👍',
  '-1': '👎',
  thumbsdown: '👎',
  eyes: '👀',
  heavy_check_mark: '✔️',
  hourglass_flowing_sand: '⏳',
  warning: '⚠️',
  octagonal_sign: '🛑',
  no_entry: '⛔',
  question: '❓',
  one: '1️⃣',
  two: '2️⃣',
  three: '3️⃣',
  four: '4️⃣',
  five: '5️⃣',
  six: '6️⃣',
  seven: '7️⃣',
  eight: '8️⃣',
  nine: '9️⃣',
  raising_hand: '🙋',
  wrench: '🔧',
  checkered_flag: '🏁',
  boom: '💥',
  collision: '💥',
  no_entry_sign: '🚫',
  sos: '🆘',
}
const WORDS = new Map(
  Object.entries(EMOJI)
    .map(([word, emoji]) => [emoji, word])
    .reverse() as [string, string][],
)

/** The emoji a Slack word stands for; a skin tone is dropped; an unknown word stays `:word:`, which no vote matches. */
export function emojiOf(word: string): string {
  const plain = word.replace(/::skin-tone-\d$/, '')
  return Object.hasOwn(EMOJI, plain) ? (EMOJI[plain] ?? `:${plain}:`) : `:${plain}:`
}

/** Slack's word for an emoji, or undefined when Sluice does not know one. */
export const wordOf = (emoji: string): string | undefined => WORDS.get(emoji) ?? /^:([\w+-]+):$/.exec(emoji)?.[1]

/**
 * What a person typed, out of Slack's form (https://api.slack.com/reference/surfaces/formatting#retrieving-messages):
 * the bot's own mention goes, links become what is seen, other mentions become `@id`, entities become characters.
 */
export function typedText(raw: string, bot: string): string {
  return raw
    .replace(/<([^<>]*)>/g, (_whole, inner: string) => seen(inner, bot))
    .replace(/&lt;/g, '<')
    .replace(/&gt;/g, '>')
    .replace(/&amp;/g, '&')
    .trim()
}

function seen(inner: string, bot: string): string {
  const [target = '', label] = inner.split('|')
  if (target === `@${bot}`) return ' '
  if (target.startsWith('@')) return label === undefined ? target : `@${label.replace(/^@/, '')}`
  if (target.startsWith('#')) return `#${label ?? target.slice(1)}`
  if (target.startsWith('!')) return label ?? `@${target.slice(1).split('^')[0]}`
  return label ?? target.replace(/^mailto:/, '')
}

/** True when the text calls Sluice: its mention anywhere, or a leading `!`. */
export const calls = (raw: string, bot: string): boolean =>
  raw.includes(`<@${bot}>`) || raw.includes(`<@${bot}|`) || /^\s*!\s*\S/.test(raw)

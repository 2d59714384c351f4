const LONGEST_URL = 2_000

/** True for what may become a link: http or https, whole, and not endless. Anything else is shown as text. */
export const isWebUrl = (url: string): boolean =>
  url.length <= LONGEST_URL && /^https?:\/\/[^\s<>"]+$/.test(url) && URL.canParse(url)

/** The text with control characters, direction overrides and half characters made visible: they can make a line read as another. */
export const showable = (text: string): string =>
  text.toWellFormed().replace(/(?![\t\n])[\p{Cc}\p{Bidi_Control}]/gu, '\ufffd')

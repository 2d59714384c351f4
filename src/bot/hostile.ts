const LONGEST_URL = 2_000

/** True for what may become a link: http or https, whole, and not endless. Anything else is shown as text. */
export const isWebUrl = (url: string): boolean =>
  url.length <= LONGEST_URL && /^https?:\/\/[^\s<>"]+$/.test(url) && URL.canParse(url)

/** The text with control characters, direction overrides and half characters made visible: they can make a line read as another. */
export const showable = (text: string): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  text.toWellFormed().replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, '\ufffd')

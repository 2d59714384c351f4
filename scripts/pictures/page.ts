import { escapeHtml } from '../../src/bot/matrix-render.ts'
import type { Entry } from './scene.ts'

/** What both pages share: a whole document around the rows, and the initials of a person. */
export const documentOf = (title: string, css: string, rows: readonly string[]): string =>
  `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${escapeHtml(title)}</title><style>${css}</style></head><body><main>${rows.join('')}</main></body></html>`

const COLOURS: Readonly<Record<string, string>> = {
  Sluice: '#0b5d66',
  nico: '#7a3e9d',
  fran: '#a8480c',
  amal: '#1b6e3c',
}
export const avatar = ({ who }: Entry): string =>
  `<span class="avatar" style="background:${COLOURS[who] ?? '#44546a'}">${escapeHtml(who.slice(0, 1).toUpperCase())}</span>`

export const reactionsOf = ({ reactions = [] }: Entry): string =>
  reactions.length === 0
    ? ''
    : `<div class="reactions">${reactions.map((r) => `<span class="reaction${r.mine === true ? ' mine' : ''}">${r.emoji} ${r.count}</span>`).join('')}</div>`

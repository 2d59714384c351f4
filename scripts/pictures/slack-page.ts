import { escapeHtml } from '../../src/bot/matrix-render.ts'
import { type Inline, renderSlack, type Rich, type SlackBlock } from '../../src/bot/slack-render.ts'
import { avatar, documentOf, reactionsOf } from './page.ts'
import type { Entry, Scene, Theme } from './scene.ts'

/** Draws Block Kit as https://docs.slack.dev/reference/block-kit/blocks describes it, with the measures and colours of Slack's own client. */
export function slackPage(scene: Scene, theme: Theme): string {
  const rows = scene.entries.map(
    (entry) =>
      `<article>${avatar(entry)}<div class="message"><header><b>${escapeHtml(entry.who)}</b>${entry.who === 'Sluice' ? '<span class="app">APP</span>' : ''}<time>${entry.at}</time></header>${bodyOf(entry)}${reactionsOf(entry)}</div></article>`,
  )
  return documentOf(`Slack: ${scene.name}`, css(theme), rows)
}

const IDS: Readonly<Record<string, string>> = { nico: 'U0NICO', fran: 'U0FRAN', amal: 'U0AMAL', 'jin-guk': 'U0JIN' }
const NAMES = new Map(Object.entries(IDS).map(([name, id]) => [id, name]))

function bodyOf(entry: Entry): string {
  if ('text' in entry)
    return `<div class="section"><span class="mention">@Sluice</span> ${escapeHtml(entry.text)}</div>`
  const edited = entry.edited === true ? '<span class="edited">(edited)</span>' : ''
  return renderSlack(entry.message, IDS).blocks.map(blockHtml).join('') + edited
}

function blockHtml(block: SlackBlock): string {
  if (block.type === 'rich_text') return block.elements.map(richHtml).join('')
  const buttons = block.elements.map((b) => `<button class="${b.style ?? ''}">${escapeHtml(b.text.text)}</button>`)
  return `<div class="actions">${buttons.join('')}</div>`
}

function richHtml(rich: Rich): string {
  if (rich.type === 'rich_text_preformatted') return `<pre>${rich.elements.map(inlineHtml).join('')}</pre>`
  if (rich.type === 'rich_text_section') return `<div class="section">${rich.elements.map(inlineHtml).join('')}</div>`
  return `<ul>${rich.elements.map((item) => `<li>${item.elements.map(inlineHtml).join('')}</li>`).join('')}</ul>`
}

function inlineHtml(part: Inline): string {
  if (part.type === 'user')
    return `<span class="mention">@${escapeHtml(NAMES.get(part.user_id) ?? part.user_id)}</span>`
  if (part.type === 'date') return `<time>${escapeHtml(part.fallback)}</time>`
  const text = escapeHtml(part.text).replaceAll('\n', '<br>')
  if (part.type === 'link') return `<a href="${escapeHtml(part.url)}">${text}</a>`
  const code = part.style?.code === true ? `<code>${text}</code>` : text
  const slanted = part.style?.italic === true ? `<i>${code}</i>` : code
  return part.style?.bold === true ? `<b>${slanted}</b>` : slanted
}

const THEMES: Readonly<Record<Theme, string>> = {
  light:
    '--bg:#fff;--text:#1d1c1d;--quiet:#616061;--link:#1264a3;--mention:#1d9bd11a;--code:#c01343;--field:#1d1c1d0a;--line:#1d1c1d21;--button:#1d1c1d4d;--react:#1d1c1d0f',
  dark: '--bg:#1a1d21;--text:#d1d2d3;--quiet:#ababad;--link:#1d9bd1;--mention:#1d9bd133;--code:#e8912d;--field:#e8e8e80a;--line:#e8e8e821;--button:#e8e8e84d;--react:#e8e8e80f',
}
const css = (theme: Theme): string => `
:root{${THEMES[theme]}}
*{box-sizing:border-box;margin:0}
body{background:var(--bg);color:var(--text);font:15px/1.46668 Lato,"Noto Color Emoji",sans-serif}
main{padding:12px 0}
article{display:flex;gap:8px;padding:8px 16px}
.avatar{flex:none;width:36px;height:36px;border-radius:4px;color:#fff;font-weight:700;display:grid;place-items:center}
.message{min-width:0;flex:1}
header{display:flex;align-items:baseline;gap:6px}
header b{font-weight:900}
.app{font-size:10px;font-weight:700;color:var(--quiet);background:var(--line);border-radius:2px;padding:0 3px}
header time,.edited{font-size:12px;color:var(--quiet)}
.section,li{overflow-wrap:anywhere}
ul{padding-left:28px;margin-bottom:0}
a{color:var(--link);text-decoration:none}
.mention{color:var(--link);background:var(--mention);border-radius:3px;padding:0 2px 1px}
code,pre{font-family:Menlo,"DejaVu Sans Mono",monospace;font-size:12px;line-height:1.50001}
code{color:var(--code);background:var(--field);border:1px solid var(--line);border-radius:3px;padding:2px 3px 1px}
pre{background:var(--field);border:1px solid var(--line);border-radius:4px;padding:8px;margin:4px 0;white-space:pre-wrap;overflow-wrap:anywhere}
.actions{display:flex;flex-wrap:wrap;gap:8px;margin:8px 0 4px;max-width:600px}
button{height:36px;padding:0 12px 1px;border:1px solid var(--button);border-radius:4px;background:var(--bg);color:var(--text);font:700 15px Lato,sans-serif;max-width:100%;overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
button.primary{background:#007a5a;border-color:#007a5a;color:#fff}
button.danger{background:#e01e5a;border-color:#e01e5a;color:#fff}
.reactions{display:flex;gap:4px;margin-top:4px}
.reaction{font-size:11px;line-height:16px;background:var(--react);border-radius:12px;padding:4px 8px}
.reaction.mine{background:var(--mention);box-shadow:inset 0 0 0 1px var(--link);color:var(--link);font-weight:700}
`

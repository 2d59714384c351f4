import { escapeHtml, renderMatrix } from '../../src/bot/matrix-render.ts'
import { avatar, documentOf, reactionsOf } from './page.ts'
import type { Entry, Scene, Theme } from './scene.ts'

/** Shows the HTML of Matrix messages as a browser client does: Element's modern layout, with its measures and colours for what the specification lets messages hold. */
export function matrixPage(scene: Scene, theme: Theme): string {
  const rows = scene.entries.map(
    (entry) =>
      `<article>${avatar(entry)}<div class="message"><header><b class="${entry.who === 'Sluice' ? 'bot' : 'human'}">${escapeHtml(entry.who)}</b><time>${entry.at}</time></header>${bodyOf(entry)}${reactionsOf(entry)}</div></article>`,
  )
  return documentOf(`Matrix: ${scene.name}`, css(theme), rows)
}

const PEOPLE = ['nico', 'fran', 'amal', 'jin-guk']
const IDS = Object.fromEntries(PEOPLE.map((name) => [name, `@${name}:example.org`]))

function bodyOf(entry: Entry): string {
  if ('text' in entry)
    return `<div class="body"><a href="https://matrix.to/#/@sluice:example.org">Sluice</a> ${escapeHtml(entry.text)}</div>`
  const { msgtype, formatted_body } = renderMatrix(entry.message, IDS)
  const edited = entry.edited === true ? '<span class="edited">(edited)</span>' : ''
  return `<div class="body ${msgtype === 'm.notice' ? 'notice' : ''}">${formatted_body}</div>${edited}`
}

const THEMES: Readonly<Record<Theme, string>> = {
  light:
    '--bg:#fff;--text:#1b1d22;--quiet:#656d77;--link:#0a60d0;--pill:#e1e6ec;--field:#f0f2f5;--line:#cdd3da;--bot:#00665e;--human:#7d2ea8;--mine:#007a61',
  dark: '--bg:#101317;--text:#ebeef2;--quiet:#a0a8b3;--link:#61a2f9;--pill:#323539;--field:#1d1f24;--line:#3c3f44;--bot:#2fc6b3;--human:#d39bf5;--mine:#129a78',
}
const css = (theme: Theme): string => `
:root{${THEMES[theme]}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--text);font:15px/24px Inter,"Noto Color Emoji",sans-serif}
main{padding:8px 0}
article{display:flex;gap:11px;padding:8px 16px}
.avatar{flex:none;width:30px;height:30px;border-radius:50%;color:#fff;font-weight:600;display:grid;place-items:center;margin-top:2px}
.message{min-width:0;flex:1}
header{display:flex;align-items:baseline;gap:8px}
header b{font-weight:600}
.bot{color:var(--bot)}.human{color:var(--human)}
header time,.edited{font-size:12px;color:var(--quiet)}
.body{overflow-wrap:break-word}
.notice{color:var(--quiet)}
.body p,.body ul,.body pre,.body table{margin:0 0 16px}
.body>:last-child{margin-bottom:0}
.body ul{padding-left:28px}
.body a{color:var(--link);text-decoration:none}
.body a[href^="https://matrix.to/"]{color:inherit;background:var(--pill);border-radius:16px;padding:1px 8px}
code{font:85% "DejaVu Sans Mono",monospace;background:var(--field);border-radius:4px;padding:2px 5px}
pre{background:var(--field);border:1px solid var(--line);border-radius:4px;padding:8px;overflow-x:auto;line-height:20px}
pre code{background:none;padding:0}
table{display:block;width:max-content;max-width:100%;overflow:auto;border-collapse:collapse}
th,td{border:1px solid var(--line);padding:6px 13px;text-align:left}
th{font-weight:600}
.reactions{display:flex;gap:6px;margin-top:6px}
.reaction{font-size:12px;line-height:20px;border:1px solid var(--line);border-radius:12px;padding:1px 8px;background:var(--field)}
.reaction.mine{border-color:var(--mine)}
`

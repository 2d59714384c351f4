const ALLOWED = new Set([
  'p',
  'div',
  'strong',
  'code',
  'pre',
  'ul',
  'li',
  'br',
  'table',
  'thead',
  'tbody',
  'tr',
  'th',
  'td',
  'a',
])
const ENTITIES: Record<string, string> = { '&amp;': '&', '&lt;': '<', '&gt;': '>', '&quot;': '"', '&#39;': "'" }

/**
 * What a browser would show of Matrix HTML, and whom its pills name. Fails on tags, attributes or entities that Sluice never
 * writes, on tags that do not nest, and on links that are not http: then something hostile got through.
 */
export function visible(html: string): { readonly text: string; readonly pills: readonly string[] } {
  const open: string[] = []
  const pills: string[] = []
  let text = ''
  for (const [token] of html.matchAll(/<[^>]*>|[^<]+|</g)) {
    if (token.startsWith('<')) text += tag(token, open, pills)
    else text += token.replace(/&[^;\s]*;?/g, (entity) => ENTITIES[entity] ?? fail(`entity ${entity}`))
  }
  if (open.length > 0) fail(`left open: ${open.join(' ')}`)
  return { text, pills }
}

function tag(token: string, open: string[], pills: string[]): string {
  const [, slash, name = '', attributes = ''] = /^<(\/?)([a-z]+)((?: [^<>]*)?)>$/.exec(token) ?? fail(`tag ${token}`)
  if (!ALLOWED.has(name)) fail(`tag ${token}`)
  if (name === 'br') return '\n'
  if (slash === '/') {
    if (open.pop() !== name) fail(`closed ${name}`)
    return ['p', 'div', 'li', 'tr', 'pre', 'table', 'ul'].includes(name) ? '\n' : ['td', 'th'].includes(name) ? ' ' : ''
  }
  open.push(name)
  if (name === 'a') {
    const href = /^ href="(https?:\/\/[^"]+)"$/.exec(attributes)?.[1] ?? fail(`link ${token}`)
    const pill = /^https:\/\/matrix\.to\/#\/(.+)$/.exec(href)?.[1]
    if (pill !== undefined) pills.push(decodeURIComponent(pill))
  } else if (attributes !== '') fail(`attribute ${token}`)
  return ''
}

function fail(what: string): never {
  throw new Error(`not what Sluice writes: ${what}`)
}

/**
 * What the client-server specification lets an `org.matrix.custom.html` hold (m.room.message, "allowed HTML tags and attributes"), as of version 1.16.
 * Tag -> attributes with the form of their values.
 */
const ANY = /^[^<>"]*$/
const COLOUR = /^#[0-9a-f]{6}$/i
const ALLOWED: Readonly<Record<string, Readonly<Record<string, RegExp>>>> = {
  ...Object.fromEntries(
    'del h1 h2 h3 h4 h5 h6 blockquote p ul sup sub li b i u strong em s hr br table thead tbody tr th td caption pre details summary'
      .split(' ')
      .map((tag) => [tag, {}]),
  ),
  span: { 'data-mx-bg-color': COLOUR, 'data-mx-color': COLOUR, 'data-mx-spoiler': ANY, 'data-mx-maths': ANY },
  a: { target: ANY, href: /^(https|http|ftp|mailto|magnet):[^<>"]+$/ },
  img: { width: /^\d+$/, height: /^\d+$/, alt: ANY, title: ANY, src: /^mxc:\/\/[^<>"]+$/ },
  ol: { start: /^\d+$/ },
  code: { class: /^language-[^<>"\s]+$/ },
  div: { 'data-mx-maths': ANY },
}
const VOID = new Set(['br', 'hr', 'img'])
const DEEPEST = 100

/** What the specification does not allow in a piece of HTML; [] when all is well. */
export function notAllowed(html: string): readonly string[] {
  const found: string[] = []
  const open: string[] = []
  for (const [token, slash, name = '', attributes = ''] of html.matchAll(/<(\/?)([a-zA-Z][\w-]*)([^<>]*)>|<[^>]*>?/g)) {
    const allowed = Object.hasOwn(ALLOWED, name) ? ALLOWED[name] : undefined
    if (allowed === undefined) found.push(`tag ${token}`)
    else if (slash === '/') {
      if (open.pop() !== name) found.push(`closed without being open: ${token}`)
    } else {
      found.push(...badAttributes(attributes, allowed).map((bad) => `${bad} in ${token}`))
      if (!VOID.has(name)) open.push(name)
      if (open.length > DEEPEST) found.push(`nested deeper than ${DEEPEST}`)
    }
  }
  return [...found, ...open.map((name) => `left open: ${name}`)]
}

function badAttributes(text: string, allowed: Readonly<Record<string, RegExp>>): readonly string[] {
  const found: string[] = []
  const rest = text.replace(/\s+([\w-]+)="([^"]*)"/g, (_all, name: string, value: string) => {
    if (!Object.hasOwn(allowed, name) || allowed[name]?.test(value) !== true) found.push(`attribute ${name}="${value}"`)
    return ''
  })
  if (rest.trim() !== '') found.push(`attributes${rest}`)
  return found
}

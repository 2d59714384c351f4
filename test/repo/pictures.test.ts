import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { matrixPage } from '../../scripts/pictures/matrix-page.ts'
import { SCENES, type Scene } from '../../scripts/pictures/scene.ts'
import { slackPage } from '../../scripts/pictures/slack-page.ts'
import { flat, type Message } from '../../src/message.ts'

/** The text a browser shows of a page; fails where tags do not nest or something was escaped twice. */
function visible(page: string): string {
  const open: string[] = []
  const body = page.slice(page.indexOf('<main>'), page.indexOf('</body>'))
  for (const [, slash, name = ''] of body.matchAll(/<(\/?)([a-z]+)[^>]*>/g))
    if (name !== 'br' && slash === '') open.push(name)
    else if (name !== 'br') expect(open.pop(), `</${name}>`).toBe(name)
  expect(open).toEqual([])
  expect(page).not.toMatch(/&amp;(?:lt|gt|amp|quot|#39);/)
  const text = body.replace(/<[^>]*>/g, '')
  const entities: Readonly<Record<string, string>> = {
    '&lt;': '<',
    '&gt;': '>',
    '&amp;': '&',
    '&quot;': '"',
    '&#39;': "'",
  }
  return text.replace(/&(?:lt|gt|amp|quot|#39);/g, (e) => entities[e] ?? e).replaceAll(/\s/g, '')
}
const headings = ({ entries }: Scene): readonly string[] =>
  entries.flatMap((e) => ('message' in e ? headingsOf(e.message) : [e.text]))
const headingsOf = ({ blocks }: Message): readonly string[] =>
  blocks.flatMap((b) => (b.kind === 'heading' || b.kind === 'note' ? [flat(b.text).replaceAll('`', '')] : []))

describe.each(SCENES.map((scene) => [scene.name, scene] as const))('the page of %s', (_name, scene) => {
  test.each([
    ['Slack', slackPage],
    ['Matrix', matrixPage],
  ] as const)('for %s is HTML that nests and shows every heading', (_platform, page) => {
    const text = visible(page(scene, 'dark')).replaceAll('@', '')
    for (const heading of headings(scene)) expect(text).toContain(heading.replaceAll(/[\s@]/g, ''))
  })
})

test('every picture of docs/pictures.md is there', () => {
  const docs = join(import.meta.dirname, '..', '..', 'docs')
  const named = [...readFileSync(join(docs, 'pictures.md'), 'utf8').matchAll(/\]\((pictures\/[^)]+|demo\.svg)\)/g)]
  expect(named.length).toBeGreaterThan(8)
  for (const [, file = ''] of named) expect(existsSync(join(docs, file)), file).toBe(true)
})

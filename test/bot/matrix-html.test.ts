import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { renderMatrix } from '../../src/bot/matrix-render.ts'
import { movedMessage } from '../../src/bot/moved.ts'
import type { Message } from '../../src/message.ts'
import { real } from '../lab/need.ts'
import { anyMessage } from './any-message.ts'
import { CARD } from './chat-messages.ts'
import { notAllowed } from './matrix-html.ts'
import { matrixWorld } from './matrix-world.ts'

const MENTIONS = { fran: '@fran:lab.test', '<b>': '@"><script>:lab.test' }
const HOSTILE: Message = {
  blocks: [
    { kind: 'heading', text: '<img src=x onerror=alert(1)>' },
    { kind: 'text', text: [{ link: '<u>', url: 'https://a.example/"onmouseover="x' }, { person: '<b>' }] },
    {
      kind: 'text',
      text: [
        { link: 'x', url: 'javascript:alert(1)' },
        { link: 'x', url: 'data:text/html,<p>' },
      ],
    },
    { kind: 'code', text: '</code></pre><script>' },
  ],
  mention: ['fran', '<b>'],
}
const LONG: Message = {
  blocks: Array.from({ length: 40 }, () => ({ kind: 'code', text: '<&">'.repeat(500) }) as const),
}
const CORPUS = [
  CARD,
  HOSTILE,
  LONG,
  movedMessage({ room: 'ops', from: '!old:lab.test', to: '!new' }),
  ...fc.sample(anyMessage, { numRuns: 40, seed: 4 }),
]

describe('the HTML of a Matrix message', () => {
  test('holds only tags and attributes of the specification, whatever it says', () => {
    fc.assert(
      fc.property(anyMessage, (message) => {
        expect(notAllowed(renderMatrix(message, MENTIONS).formatted_body)).toEqual([])
      }),
      { numRuns: 200 },
    )
    for (const message of CORPUS) expect(notAllowed(renderMatrix(message, MENTIONS).formatted_body)).toEqual([])
  })

  test('the list knows what is not allowed', () => {
    for (const html of [
      '<script>x</script>',
      '<a href="javascript:x">x</a>',
      '<p onclick="x">x</p>',
      '<img src="https://x/y.png">',
      '<p>x',
      '</p>',
      '<font color="#ffffff">x</font>',
      '<code class="x">x</code>',
      '<p class>x</p>',
      '<',
      '<div>'.repeat(101) + '</div>'.repeat(101),
    ])
      expect(notAllowed(html), html).not.toEqual([])
    expect(notAllowed('<p><a href="https://x/y">x</a><br><code class="language-sh">ls</code></p>')).toEqual([])
  })
})

await real(['synapse'], 'a real Synapse', (synapse) => {
  test('takes every message of the corpus, and every edit', { timeout: 300_000 }, async () => {
    const world = await matrixWorld(synapse)
    const chat = await world.open()
    const mentions = { fran: world.fran.id }
    for (const [i, message] of CORPUS.entries()) {
      const sent = await chat.post(world.place, message, { key: `m${i}`, mentions })
      await chat.edit(sent, message, { key: `e${i}`, mentions })
    }
    await chat.stop()
  })
})

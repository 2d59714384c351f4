import { PassThrough } from 'node:stream'
import xterm from '@xterm/headless'
import { afterEach, expect, test } from 'vitest'
import { type Below, openScreen, type Screen } from '../../src/bot/console-screen.ts'
import { until } from '../lab/process.ts'

const TYPED: Below = { lines: [], prompt: '> ', typed: '', cursor: 0 }
const screens: Screen[] = []
afterEach(() => {
  for (const screen of screens.splice(0)) screen.close()
})

/** A screen on a terminal emulator of 20 x 8; `below` is drawn as it is set. */
function stage(columns = 20, rows = 8) {
  const term = new xterm.Terminal({ cols: columns, rows, scrollback: 100, convertEol: true, allowProposedApi: true })
  const output = Object.assign(new PassThrough(), { columns, rows })
  output.on('data', (data: Buffer) => term.write(data))
  let below = TYPED
  const screen = openScreen(output, () => below)
  screens.push(screen)
  const row = (y: number): string => (term.buffer.active.getLine(y)?.translateToString(true) ?? '').trimEnd()
  const shown = (): string =>
    Array.from({ length: term.buffer.active.length }, (_, y) => row(y))
      .join('\n')
      .trimEnd()
  return {
    screen,
    set: (next: Partial<Below>) => {
      below = { ...below, ...next }
      screen.refresh()
    },
    resize: (cols: number) => {
      term.resize(cols, rows)
      Object.assign(output, { columns: cols })
      output.emit('resize')
    },
    shows: (text: string) =>
      until('the screen', 5_000, () => shown() === text || undefined).catch(() => expect(shown()).toBe(text)),
    cursor: () => [term.buffer.active.cursorX, term.buffer.active.cursorY],
  }
}

test('what stays scrolls above what is drawn again and again', async () => {
  const s = stage()
  s.set({ lines: ['card', 'running'] })
  await s.shows('card\nrunning\n>')
  s.screen.print('one')
  s.set({ lines: ['card', 'done'], typed: 'ab', cursor: 1 })
  await s.shows('one\ncard\ndone\n> ab')
  expect(s.cursor()).toEqual([3, 3])
  s.set({ lines: [] })
  s.screen.print('two')
  await s.shows('one\ntwo\n> ab')
})

test('a long line is broken at the width, its cursor where it belongs, and wide characters never in two', async () => {
  const s = stage()
  s.set({ typed: `${'x'.repeat(16)}日本`, cursor: 18 })
  await s.shows(`> ${'x'.repeat(16)}\n日本`)
  expect(s.cursor()).toEqual([4, 1])
  s.set({ cursor: 0 })
  await until('the cursor', 5_000, () => s.cursor()[1] === 0 || undefined)
  expect(s.cursor()).toEqual([2, 0])
})

test('made narrower, nothing of the old drawing is left', async () => {
  const s = stage()
  s.screen.print('history')
  s.set({ lines: ['a card of nineteen c'], typed: 'typed words here', cursor: 16 })
  await s.shows('history\na card of nineteen c\n> typed words here')
  s.set({ lines: ['a card'] })
  s.resize(12)
  await s.shows('history\na card\n> typed wor\nds here')
})

test('more than the terminal has rows for is cut, so that it can be erased again', async () => {
  const s = stage(20, 5)
  s.set({ lines: ['1', '2', '3', '4', '5', '6', '7'] })
  await s.shows('1\n2\n3\n>')
  s.set({ lines: ['8'] })
  s.screen.print('text')
  await s.shows('text\n8\n>')
  s.set({ lines: [], typed: 'y'.repeat(200), cursor: 200 })
  await s.shows(`text\n${'y'.repeat(19)}\n${'y'.repeat(19)}\n${'y'.repeat(19)}\n${'y'.repeat(12)}`)
})

test('at the end what stands below is gone', async () => {
  const s = stage()
  s.set({ lines: ['card'] })
  await s.shows('card\n>')
  s.screen.print('last')
  s.screen.close()
  await s.shows('last')
})

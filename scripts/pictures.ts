import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { chromium } from 'playwright-core'
import { matrixPage } from './pictures/matrix-page.ts'
import { SCENES, type Theme } from './pictures/scene.ts'
import { slackPage } from './pictures/slack-page.ts'

// pictures.ts CHROMIUM: draws docs/pictures/*.png with the real renderers: each scene on Slack and Matrix, at a desk and on a phone, light and dark.
const docs = join(import.meta.dirname, '..', 'docs', 'pictures')
const WIDTHS = { desk: 760, phone: 390 } as const
const THEMES: readonly Theme[] = ['light', 'dark']
const PAGES = { slack: slackPage, matrix: matrixPage } as const

const executablePath = process.argv[2] ?? 'chromium'
const browser = await chromium.launch({
  executablePath,
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update'],
})
try {
  mkdirSync(docs, { recursive: true })
  for (const old of readdirSync(docs).filter((name) => name.endsWith('.png'))) rmSync(join(docs, old))
  for (const [platform, page] of Object.entries(PAGES))
    for (const scene of SCENES)
      for (const theme of THEMES)
        for (const [device, width] of Object.entries(WIDTHS)) {
          if (scene.brief === true && (theme === 'light') !== (device === 'desk')) continue
          const tab = await browser.newPage({ viewport: { width, height: 200 }, deviceScaleFactor: 1 })
          await tab.setContent(page(scene, theme))
          const png = await tab.screenshot({ fullPage: true })
          writeFileSync(join(docs, `${platform}-${scene.name}-${device}-${theme}.png`), png)
          await tab.close()
        }
} finally {
  await browser.close()
}

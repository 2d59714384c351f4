import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { commandsMarkdown, errorsMarkdown } from '../../scripts/docs-text.ts'
import { COMMANDS } from '../../src/commands/registry.ts'
import { KNOWN } from '../../src/commands/not-yet.ts'
import { ERRORS } from '../../src/errors.ts'
import { understand } from '../commands/understood.ts'

const written = (name: string): string => readFileSync(join(import.meta.dirname, '..', '..', 'docs', name), 'utf8')

// `node scripts/docs.ts` writes both files
test('docs/commands.md says what the commands say', () =>
  expect(written('commands.md')).toBe(commandsMarkdown(COMMANDS, KNOWN)))
test('docs/errors.md says what the codes say', () => expect(written('errors.md')).toBe(errorsMarkdown(ERRORS)))

describe('every example is understood as its command', () => {
  test.each(COMMANDS.flatMap((c) => c.examples.map((example) => [example, c.name] as const)))('%s', (example, name) => {
    expect(understand(example)).toMatchObject({ result: 'command', commands: [{ command: name }] })
  })
})

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { COMMANDS } from '../src/commands/registry.ts'
import { KNOWN } from '../src/commands/not-yet.ts'
import { ERRORS } from '../src/errors.ts'
import { commandsMarkdown, errorsMarkdown } from './docs-text.ts'

const docs = join(import.meta.dirname, '..', 'docs')
writeFileSync(join(docs, 'commands.md'), commandsMarkdown(COMMANDS, KNOWN))
writeFileSync(join(docs, 'errors.md'), errorsMarkdown(ERRORS))

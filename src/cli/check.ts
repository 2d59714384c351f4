import { readConfig } from './read-config.ts'

/** `sluice check`: prints warnings and what is configured. Throws BadConfig (exit 2) after printing every complaint. */
export async function runCheck(options: { readonly config: string }): Promise<number> {
  const config = readConfig(options.config)
  for (const w of config.warnings) process.stdout.write(`warning ${w.file}:${w.line} ${w.field}: ${w.text}\n`)
  const active = config.clusters.filter((c) => c.state === 'active').length
  process.stdout.write(
    `ok: ${config.people.length} people, ${config.clusters.length} clusters (${active} active), ${config.rules.length} policies, ${config.rooms.length} rooms\n`,
  )
  return 0
}

#!/usr/bin/env node
import { Command, InvalidArgumentError } from 'commander'
import { SluiceError } from '../errors.ts'
import { ALL_ROLES, type Roles, ROLES, rolesOf } from '../jobs/roles.ts'
import { defaultConfigDir } from './paths.ts'

function parseRoles(text: string): Roles {
  const roles = rolesOf(text)
  if (!('unknown' in roles)) return roles
  const what = roles.unknown.length === 0 ? 'it names none' : `there is no role ${roles.unknown.join(', ')}`
  throw new InvalidArgumentError(`${what}: it is a list of ${ROLES.join(' and ')}.`)
}

/** One file per sub-command; each is loaded only when it is the one that was asked for. */
function program(signal: AbortSignal, exit: (code: number) => void): Command {
  const sluice = new Command('sluice').description(
    'Operates Kubernetes clusters from chat: plan, approval by reaction, one job at a time, done once',
  )
  const named = (name: string, description: string): Command => sluice.command(name).description(description)
  const configured = (name: string, description: string): Command =>
    named(name, description).option(
      '--config <dir>',
      'the folder with sluice.yaml, people.yaml, clusters.yaml, policies.yaml',
      defaultConfigDir(),
    )
  const stored = (name: string, description: string): Command =>
    configured(name, description).option('--data <dir>', "the bot's data folder", '/var/lib/sluice')
  configured('console', 'talk to Sluice in this terminal, or by JSON lines')
    .option('--json', 'the protocol of docs/console.md on stdin and stdout')
    .option('--data <dir>', 'where state lives; without it a temporary folder')
    .option('--practice', 'on simulated clusters')
    .option('--now <time>', 'an ISO 8601 time from which the clock runs on')
    .option('--wait <duration>', 'how long to wait for open work when the input ends', '10m')
    .option('--as <person>', 'who speaks, when a line does not say so', 'nico')
    .option('--room <room>', 'the room of a line that names none', 'ops')
    .action(async (options) => exit(await (await import('./console.ts')).runConsole(options, signal)))
  configured('run', 'run the bot on the configured chats until it is told to stop')
    .option('--data <dir>', 'where state lives', '/var/lib/sluice')
    .option('--roles <list>', 'what this process does: chat, worker, or both', parseRoles, ALL_ROLES)
    .action(async (options) => exit(await (await import('./run.ts')).runBot(options, signal)))
  configured('demo', 'a guided tour on simulated clusters')
    .option('--kubeconfig <file>', 'play it on this real p10')
    .action(async (options) => exit(await (await import('./demo.ts')).runDemo(options, signal)))
  configured('parse', 'what the bot would understand: one sentence per line')
    .option('--json', 'lines are JSON objects')
    .action(async (options) => exit(await (await import('./parse-lines.ts')).runParseCommand(options)))
  configured('check', 'validate the configuration without starting').action(async (options) =>
    exit(await (await import('./check.ts')).runCheck(options)),
  )
  audit(sluice.command('audit').description('the audit log: verify, show, export it; take words away'), signal, exit)
  stored('backup', 'everything Sluice knows, into one file; the bot may run meanwhile')
    .argument('<file>')
    .action(async (file, options) => exit(await (await import('./backup.ts')).runBackup(file, options, signal)))
  stored('restore', 'a backup onto an empty Redis or into a new data folder')
    .argument('<file>')
    .option('--moved', 'nothing was done with the old store since: jobs go on where they were')
    .action(async (file, options) => exit(await (await import('./backup.ts')).runRestore(file, options, signal)))
  named('practice', 'run the practice world in the foreground')
    .requiredOption('--data <dir>', 'where the world writes how to reach it')
    .action(async (options) => exit(await (await import('./practice.ts')).runPractice(options, signal)))
  return sluice
}

/** The log of the bot whose data folder (or Redis) it is; all but `forget` only read. */
function audit(parent: Command, signal: AbortSignal, exit: (code: number) => void): void {
  const sub = (name: string, description: string): Command =>
    parent
      .command(name)
      .description(description)
      .option('--config <dir>', 'the folder with sluice.yaml', defaultConfigDir())
      .option('--data <dir>', "the bot's data folder", '/var/lib/sluice')
  const withFiles = (command: Command): Command =>
    command.option('--with <file...>', 'exported files, or folders of them, that belong to it')
  withFiles(sub('verify', 'whether the chain holds; names the entry where it does not')).action(async (options) =>
    exit(await (await import('./audit.ts')).runVerify(options, signal)),
  )
  sub('export', 'writes all entries as JSON lines with their heads')
    .argument('<file>')
    .action(async (file, options) => exit(await (await import('./audit.ts')).runExport(file, options, signal)))
  withFiles(sub('show', 'entries, oldest first'))
    .option('--cluster <name>', 'of jobs on this cluster')
    .option('--person <name>', 'of what this person asked, approved or did')
    .option('--job <number>', 'of this job')
    .option('--since <time>', 'yesterday, monday, "2 days ago", 2026-11-20, 2026-11-20T10:00')
    .option('--until <time>', 'the same; a day counts to its end')
    .option('--json', 'as JSON lines')
    .action(async (options) => exit(await (await import('./audit-show.ts')).runShow(options, signal)))
  withFiles(sub('forget', 'takes away what a person typed; the chain holds as before'))
    .argument('<person>')
    .option('--yes', 'do it')
    .action(async (person, options) => exit(await (await import('./audit.ts')).runForget(person, options, signal)))
}

async function main(): Promise<void> {
  const stop = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stop.abort())
  try {
    await program(stop.signal, (code) => {
      process.exitCode = code
    }).parseAsync()
  } catch (error) {
    process.exitCode = error instanceof Error && error.name === 'BadConfig' ? 2 : 1
    const text =
      error instanceof SluiceError
        ? `${error.message}\n${error.next}`
        : error instanceof Error
          ? (error.stack ?? error.message)
          : String(error)
    if (process.exitCode !== 2) process.stderr.write(`${text}\n`)
  }
}

await main()
// a connection that will not close must not keep a process that has said everything
process.stdout.write('', () => process.exit())

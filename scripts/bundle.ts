import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { type OutputChunk, rolldown } from 'rolldown'

/**
 * bundle.ts DIR: Sluice and what it needs of its packages in one folder that runs with Node alone. It mirrors the source
 * (bin/sluice, src/cli/*.js, config/), so that the program finds its neighbours in both.
 */
const root = join(import.meta.dirname, '..')

/** Asked for by packages that go on without them: native parts, and stores that are not ours. */
const ABSENT = [/\.node$/, 'cpu-features', 'pg', 'pg-native', 'pg-query-stream']
/** They read files that lie beside them, so they are copied as they are. */
const WHOLE = ['@matrix-org/matrix-sdk-crypto-wasm']

const LAUNCHER = `#!/bin/sh
# Starts the bundled Sluice with the Node that is on PATH.
exec node --disable-warning=DEP0060 --max-semi-space-size=2 "$(dirname "$(readlink -f "$0")")/../src/cli/main.js" "$@"
`

/** Writes the bundle; the folder is emptied first. What is loaded on demand stays a file of its own. */
export async function buildBundle(dir: string): Promise<void> {
  rmSync(dir, { recursive: true, force: true })
  const bundle = await rolldown({
    // the second is a process of its own, which the first finds beside it by this name
    input: { main: join(root, 'src/cli/main.ts'), detached: join(root, 'src/practice/detached.ts') },
    platform: 'node',
    external: [...ABSENT, ...WHOLE],
    // names of CommonJS, which ssh2 asks for when it is loaded
    transform: { define: { __dirname: 'import.meta.dirname', __filename: 'import.meta.filename' } },
    logLevel: 'warn',
  })
  const { output } = await bundle.write({
    dir: join(dir, 'src/cli'),
    format: 'esm',
    entryFileNames: '[name].js',
    chunkFileNames: '[name]-[hash].js',
    minify: true,
    keepNames: true,
    comments: { legal: false },
  })
  await bundle.close()
  const chunks = output.filter((one): one is OutputChunk => one.type === 'chunk')
  writeFileSync(join(dir, 'LICENSES'), licences(chunks.flatMap((chunk) => chunk.moduleIds)))
  for (const name of WHOLE) copyPackage(name, dir)
  cpSync(join(root, 'config'), join(dir, 'config'), { recursive: true })
  for (const name of ['LICENSE', 'package.json']) cpSync(join(root, name), join(dir, name))
  mkdirSync(join(dir, 'bin'))
  writeFileSync(join(dir, 'bin/sluice'), LAUNCHER)
  chmodSync(join(dir, 'bin/sluice'), 0o755)
}

function copyPackage(name: string, dir: string): void {
  const from = join(root, 'node_modules', name)
  if (existsSync(from)) cpSync(from, join(dir, 'node_modules', name), { recursive: true })
}

/** What each bundled package asks to be handed on with it. */
function licences(modules: readonly string[]): string {
  const packages = new Set(modules.flatMap((id) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(id)?.[0] ?? []))
  return [...packages]
    .toSorted()
    .map((folder) => {
      const text = readdirSync(folder)
        .filter((name) => /^(licen[cs]e|copying|notice)/i.test(name))
        .map((name) => readFileSync(join(folder, name), 'utf8').trim())
      const { version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Record<
        string,
        unknown
      > // npm's
      const name = folder.slice(folder.lastIndexOf('node_modules/') + 'node_modules/'.length)
      return [`${name} ${String(version)} (${String(license)})`, ...text].join('\n\n')
    })
    .join(`\n\n${'-'.repeat(80)}\n\n`)
}

if (import.meta.main) {
  const dir = resolve(process.argv[2] ?? 'dist')
  await buildBundle(dir)
  console.log(`bundle: ${basename(dir)} holds ${readdirSync(join(dir, 'src/cli')).length} files`)
}

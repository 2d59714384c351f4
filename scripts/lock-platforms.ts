import { readFileSync, writeFileSync } from 'node:fs'

/**
 * npm leaves packages for other platforms out of package-lock.json when they were not to be had where it was written, and `npm ci`
 * then refuses the file everywhere. This adds them by version; run it after every `npm install`.
 */
type Entry = {
  optionalDependencies?: Record<string, string>
  dev?: boolean
  os?: string[]
  cpu?: string[]
  libc?: string[]
}
type Lock = { packages: Record<string, Entry & Record<string, unknown>> }

const OS = /\b(android|darwin|freebsd|linux|openharmony|win32|aix|sunos)\b/
const CPU = /-(arm64|arm|x64|ia32|ppc64|riscv64|s390x|loong64|mips64el)\b/

function platformOf(name: string): Pick<Entry, 'os' | 'cpu' | 'libc'> {
  const words = name.slice(name.lastIndexOf('/') + 1)
  const [os, cpu] = [OS.exec(words)?.[1], CPU.exec(words)?.[1]]
  const libc = /-musl/.test(words) ? 'musl' : /-gnu/.test(words) ? 'glibc' : undefined
  return { ...(cpu && { cpu: [cpu] }), ...(libc && { libc: [libc] }), ...(os && { os: [os] }) }
}

function added(lock: Lock): Lock['packages'] {
  const more: Lock['packages'] = {}
  for (const [path, entry] of Object.entries(lock.packages)) {
    for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
      const platform = platformOf(name)
      const known = [`node_modules/${name}`, `${path}/node_modules/${name}`].some((place) => place in lock.packages)
      // Only exact versions of packages that are made for one platform.
      if (known || platform.os === undefined || !/^\d/.test(version)) continue
      more[`node_modules/${name}`] = { version, ...platform, ...(entry.dev && { dev: true }), optional: true }
    }
  }
  return more
}

const file = 'package-lock.json'
const lock = JSON.parse(readFileSync(file, 'utf8')) as Lock // npm's format, version 3
const more = added(lock)
const byName = ([a]: [string, unknown], [b]: [string, unknown]): number => (a < b ? -1 : 1)
lock.packages = Object.fromEntries(Object.entries({ ...lock.packages, ...more }).toSorted(byName))
writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`)
console.log(`${Object.keys(more).length} packages of other platforms added`)

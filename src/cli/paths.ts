import { existsSync } from 'node:fs'
import { join } from 'node:path'

/** The folder this program was installed into. */
export const root = join(import.meta.dirname, '..', '..')

/** ./config where somebody keeps one, else the shipped example. */
export const defaultConfigDir = (): string =>
  existsSync(join('config', 'sluice.yaml')) ? 'config' : join(root, 'config')

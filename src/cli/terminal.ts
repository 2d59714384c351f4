import type { ReadStream, WriteStream } from 'node:tty'

/** Whether to colour: NO_COLOR (not empty) says no, FORCE_COLOR yes (`0` and `false` no), else only in a terminal that is not dumb. */
export function wantsColours(env: NodeJS.ProcessEnv, output: Pick<WriteStream, 'isTTY'>): boolean {
  const { NO_COLOR, FORCE_COLOR, TERM } = env
  if (NO_COLOR !== undefined && NO_COLOR !== '') return false
  if (FORCE_COLOR !== undefined && FORCE_COLOR !== '') return FORCE_COLOR !== '0' && FORCE_COLOR !== 'false'
  return output.isTTY && TERM !== 'dumb'
}

/** Whether a person sits at both ends, with a terminal that can move its cursor. */
export const isPerson = (
  env: NodeJS.ProcessEnv,
  input: Pick<ReadStream, 'isTTY'>,
  output: Pick<WriteStream, 'isTTY'>,
): boolean => input.isTTY && output.isTTY && env['TERM'] !== 'dumb'

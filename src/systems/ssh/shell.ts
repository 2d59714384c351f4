import { SluiceError } from '../../errors.ts'

const PLAIN = /^[A-Za-z0-9_@%+=:,./-]+$/

/** One word for a POSIX shell. Throws INTERNAL on a NUL, which no argument can hold. */
export function quote(word: string): string {
  if (word.includes('\0')) throw new SluiceError('INTERNAL', 'building a command', { text: 'an argument holds a NUL' })
  return PLAIN.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
}

/** argv as the shell line that runs exactly it. The only place where a line is built. Throws INTERNAL when argv is empty. */
export function shellLine(argv: readonly string[]): string {
  const [program] = argv
  if (program === undefined || program === '')
    throw new SluiceError('INTERNAL', 'building a command', { text: 'the command is empty' })
  // A first word like A=b would be an assignment, one like `if` a keyword: quoted, it is a program's name.
  const first = /^[A-Za-z0-9_./-]*[./][A-Za-z0-9_./-]*$/.test(program)
    ? program
    : `'${program.replaceAll("'", `'\\''`)}'`
  if (program.includes('\0')) quote(program)
  return [first, ...argv.slice(1).map(quote)].join(' ')
}

import { dirname, join, relative, resolve, sep } from 'node:path'
import { forbidden } from './table.ts'

/** The parts of a syntax tree that the rule reads. */
type Literal = { readonly type: string; readonly value?: unknown }
type Import = {
  readonly source: Literal | null
  readonly importKind?: string
  readonly exportKind?: string
  readonly specifiers?: readonly { readonly importKind?: string; readonly exportKind?: string }[]
}
type Context = {
  readonly filename: string
  readonly cwd: string
  report(problem: { node: unknown; message: string }): void
}

const isTypeOnly = ({ importKind, exportKind, specifiers = [] }: Import): boolean =>
  importKind === 'type' ||
  exportKind === 'type' ||
  (specifiers.length > 0 && specifiers.every((one) => one.importKind === 'type' || one.exportKind === 'type'))

function problem(context: Context, source: unknown, typeOnly: boolean): string | undefined {
  if (typeof source !== 'string' || !source.startsWith('.')) return undefined
  const root = join(context.cwd, 'src')
  const file = resolve(context.cwd, context.filename)
  const from = relative(root, file).split(sep).join('/')
  const to = relative(root, join(dirname(file), source))
    .split(sep)
    .join('/')
  if (from.startsWith('..')) return undefined
  if (to.startsWith('..')) return `src must not import what lies outside it (${source})`
  return forbidden(from, to, typeOnly)
}

const table = {
  create(context: Context) {
    const check = (node: Import): void => {
      const message = problem(context, node.source?.value, isTypeOnly(node))
      if (message !== undefined) context.report({ node, message })
    }
    return {
      ImportDeclaration: check,
      ExportNamedDeclaration: check,
      ExportAllDeclaration: check,
      ImportExpression: check,
      TSImportType: (node: { readonly source: Literal }): void => check({ source: node.source, importKind: 'type' }),
    }
  },
}

// oxlint loads a plugin by its default export.
// oxlint-disable-next-line import/no-default-export
export default { meta: { name: 'rooms' }, rules: { table } }

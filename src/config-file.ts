import { existsSync, readFileSync } from 'node:fs'
import { distance } from 'fastest-levenshtein'
import { LineCounter, parseDocument } from 'yaml'
import type { z } from 'zod'

/** One thing wrong in a file: where, and what. */
export type Complaint = { readonly file: string; readonly line: number; readonly field: string; readonly text: string }

export type Parsed<T> = {
  readonly value: T | undefined
  readonly complaints: readonly Complaint[]
  readonly lineOf: (path: readonly PropertyKey[]) => number
}

const suggestion = (word: string, known: readonly string[]): string => {
  const near = known.map((k) => ({ k, d: distance(word, k) })).sort((a, b) => a.d - b.d)[0]
  return near !== undefined && near.d <= Math.max(2, Math.floor(word.length / 3)) ? `; did you mean \`${near.k}\`?` : ''
}

/** What of zod's documented `_zod.def` tree the walk needs. */
type Def = {
  readonly innerType?: z.core.$ZodType
  readonly shape?: Readonly<Record<string, z.core.$ZodType>>
  readonly element?: z.core.$ZodType
  readonly valueType?: z.core.$ZodType
}
// every schema has a def; zod gives it no narrower public type than its kind's own
const defOf = (schema: z.core.$ZodType | undefined): Def => (schema?._zod.def ?? {}) as Def

/** The keys a strict object would take at a path, asked from the schema itself. */
function keysAt(schema: z.core.$ZodType, path: readonly PropertyKey[]): string[] {
  let at: z.core.$ZodType | undefined = schema
  for (const step of [...path, undefined]) {
    let def = defOf(at)
    while (def.innerType !== undefined) def = defOf(def.innerType)
    if (step === undefined) return Object.keys(def.shape ?? {})
    at = def.shape?.[String(step)] ?? def.element ?? def.valueType
  }
  return []
}

/** Reads and checks one YAML file; every complaint carries the line it is about. */
export function readYaml<S extends z.ZodType>(path: string, shown: string, schema: S): Parsed<z.output<S>> {
  if (!existsSync(path))
    return {
      value: undefined,
      complaints: [{ file: shown, line: 0, field: '', text: 'the file does not exist' }],
      lineOf: () => 0,
    }
  const lines = new LineCounter()
  const doc = parseDocument(readFileSync(path, 'utf8'), { lineCounter: lines, prettyErrors: false })
  const lineOf = (at: readonly PropertyKey[]): number => {
    for (let depth = at.length; depth >= 0; depth--) {
      // a yaml node, or a plain value where the path ends in a scalar the parser did not keep as node
      const node = doc.getIn(at.slice(0, depth), true) as { range?: [number, number, number] } | undefined
      if (node?.range !== undefined) return lines.linePos(node.range[0]).line
    }
    return 1
  }
  if (doc.errors.length > 0) {
    return {
      value: undefined,
      lineOf,
      complaints: doc.errors.map((e) => ({
        file: shown,
        line: lines.linePos(e.pos[0]).line,
        field: '',
        text: `not YAML: ${e.message}`,
      })),
    }
  }
  const result = schema.safeParse(doc.toJS() ?? {})
  if (result.success) return { value: result.data, complaints: [], lineOf }
  const complaints = result.error.issues.flatMap((issue): Complaint[] => {
    const field = issue.path.map(String).join('.')
    if (issue.code !== 'unrecognized_keys')
      return [{ file: shown, line: lineOf(issue.path), field, text: issue.message }]
    return issue.keys.map((key) => ({
      file: shown,
      line: lineOf([...issue.path, key]),
      field: field === '' ? key : `${field}.${key}`,
      text: `unknown key \`${key}\`${suggestion(key, keysAt(schema, issue.path))}`,
    }))
  })
  return { value: undefined, complaints, lineOf }
}

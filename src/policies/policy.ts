import type { Code } from '../errors.ts'
import type { Person } from '../person.ts'

/** PORT: who may ask, who must agree, what must never be. Pure functions of a request and its facts. */
export type Risk = 'read' | 'stop' | 'change' | 'disruptive' | 'destructive' | 'secret'

export type ClusterType = 'development' | 'test' | 'production'

/** A fact as read: its value, or why it could not be read. Values are what systems/facts/port.ts says. */
export type FactReading<T = unknown> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly why: string }

export type Request = {
  readonly command: string
  readonly risk: Risk
  readonly args: Readonly<Record<string, unknown>>
  /** It changes Sluice itself (its locks, its stop) and nothing on the cluster it is about. */
  readonly scope?: 'sluice'
  readonly person: Person
  readonly maintains: boolean
  readonly cluster?: { readonly name: string; readonly type: ClusterType; readonly maintainers: readonly string[] }
  readonly ticket?: string
  /** The nodes it acts on, once resolved. */
  readonly nodes?: readonly { readonly name: string; readonly controlPlane: boolean }[]
  readonly nowMs: number
  /** Only the facts the command declared. A fact a rule needs that is not here is a deny. */
  readonly facts: Readonly<Record<string, FactReading>>
  /** Everybody configured, so that `needs` that nobody can meet are seen at once. */
  readonly people: readonly Person[]
}

export type Needs = {
  readonly approvals: number
  /** Names of the people who may approve (the asker is never one of them). */
  readonly from: readonly string[]
  /** So many vetoes refuse it. */
  readonly denyCount: number
  readonly withinMs: number
  readonly confirm?: 'typed'
  readonly ticket?: 'required'
}

export type Decision =
  | { readonly kind: 'allow'; readonly rules: readonly string[] }
  | {
      readonly kind: 'deny'
      readonly code: Code
      readonly reason: string
      readonly rules: readonly string[]
      readonly help?: string
    }
  | { readonly kind: 'needs'; readonly needs: Needs; readonly rules: readonly string[] }

/** One safety rule or the rule file: undefined = has no opinion. */
/** `grants`: only such a policy can let somebody do something; the others can only add demands or say no. */
export type Policy = {
  readonly name: string
  readonly grants?: boolean
  readonly decide: (request: Request) => Decision | undefined
}

export type Decide = (request: Request) => Decision

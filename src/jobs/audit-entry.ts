import { z } from 'zod'
import { type Code, SluiceError } from '../errors.ts'
import type { Decision } from '../policies/policy.ts'
import type { Words } from './audit-chain.ts'
import type { Args, JobState, Revision, StepView, Vote } from './job.ts'

/** Entries without `v` are of schema 0: `{prev, atMs, job, revision, state, code, by, what, text}`, numbered by their place. */
export const AUDIT_SCHEMA = 1

export type AuditVote = Pick<Vote, 'person' | 'choice' | 'atMs' | 'event'>
/** `evidence`: digest of what the journal holds of the step, its sub-entries with it. */
export type AuditStep = Pick<StepView, 'id' | 'mark'> & { readonly evidence?: string }

/** What a mutation says of itself; the rest of its entry is read off the record. */
export type AuditNote = {
  readonly what: string
  readonly by?: string
  /** The chat event that caused it. */
  readonly event?: string
  /** What the person typed; never in the chain, only its digest. */
  readonly words?: Words
  readonly text?: string
  readonly votes?: readonly AuditVote[]
  readonly steps?: readonly AuditStep[]
  readonly decision?: Decision
}

/** One link. What is not about a job (an export, words taken away) has no `job`. */
export type AuditEntry = {
  readonly v: number
  readonly n: number
  readonly prev: string
  readonly atMs: number
  readonly what: string
  readonly by?: string | undefined
  readonly event?: string | undefined
  readonly words?: { readonly by: string; readonly digest: string } | undefined
  readonly text?: string | undefined
  readonly job?: string | undefined
  readonly revision?: number | undefined
  readonly state?: JobState | undefined
  readonly code?: Code | null | undefined
  readonly asker?: string | undefined
  readonly cluster?: string | undefined
  readonly sentence?: string | undefined
  readonly ticket?: string | undefined
  readonly room?: string | undefined
  readonly command?: string | undefined
  readonly args?: Args | undefined
  readonly plan?: string | undefined
  readonly policy?: string | undefined
  readonly decision?: Decision | undefined
  readonly votes?: readonly AuditVote[] | undefined
  readonly steps?: readonly AuditStep[] | undefined
  readonly outcome?: string | undefined
  readonly forgot?: { readonly person: string; readonly texts: number } | undefined
  readonly exported?: { readonly n: number; readonly hash: string; readonly file: string } | undefined
}

/** What every link has, whatever its schema. */
const link = z.looseObject({
  v: z.number().optional(),
  n: z.number().optional(),
  prev: z.string(),
  atMs: z.number(),
  what: z.string().optional(),
  words: z.object({ by: z.string(), digest: z.string() }).optional(),
  forgot: z.object({ person: z.string(), texts: z.number() }).optional(),
  exported: z.object({ n: z.number(), hash: z.string(), file: z.string() }).optional(),
})
export type Link = z.infer<typeof link>

/** The entry as far as the chain is concerned; undefined when it is none. */
export function readLink(text: string): Link | undefined {
  try {
    return link.safeParse(JSON.parse(text)).data
  } catch {
    return undefined
  }
}

/** Entry number `n`, of this schema or an older one. Throws STORE-NEWER for a newer one, STORE-BAD for what is no entry. */
export function readEntry(text: string, n: number): AuditEntry {
  const found = readLink(text)
  if (found === undefined) throw new SluiceError('STORE-BAD', `reading entry ${n} of the audit log`)
  const v = found.v ?? 0
  if (v > AUDIT_SCHEMA)
    throw new SluiceError('STORE-NEWER', `reading entry ${n} of the audit log`, {
      text: `it has schema ${v}, and this Sluice knows up to ${AUDIT_SCHEMA}`,
    })
  // the shape was written by jobEntry below, or by its predecessor, whose fields are among these
  return { what: '', ...found, v, n } as AuditEntry
}

type Moved = { readonly from: Revision | undefined; readonly to: Revision; readonly note: AuditNote | undefined }

/** A free text among the arguments is part of the words. */
const spoken = ({ reason: _reason, ...args }: Args): Args => args

/** What is new with this revision, or with its job. */
function news({ from, to, note }: Moved, policy: () => string): Partial<AuditEntry> {
  const { asked, decision, plan } = to
  const decided = note?.decision ?? (decision === from?.decision ? undefined : decision)
  const ended = from?.state !== to.state && to.endedAtMs !== undefined
  return {
    ...(from === undefined
      ? { room: asked.room, event: asked.event, command: asked.command, args: spoken(asked.args) }
      : {}),
    ...(plan !== undefined && (plan.hash !== from?.plan?.hash || to.question !== from?.question)
      ? { plan: plan.hash }
      : {}),
    ...(decided === undefined ? {} : { decision: decided, policy: policy() }),
    // a no or a cancel repeats the person's reason: what was typed stays out of the chain
    ...(ended && note?.words === undefined ? { outcome: to.result?.text } : {}),
  }
}

/** The entry of a job's revision, but for its place in the chain. `policy` = digest of the policies that are loaded. */
export function jobEntry(moved: Moved, policy: () => string): Omit<AuditEntry, 'v' | 'n' | 'prev' | 'words'> {
  const { note, to } = moved
  const { asked, plan } = to
  const { words: _words, ...said } = note ?? { what: to.state }
  const cluster = plan?.target.cluster ?? asked.args['cluster']
  return {
    atMs: to.atMs,
    job: to.job,
    revision: to.revision,
    state: to.state,
    code: to.code,
    asker: asked.by,
    ...(typeof cluster === 'string' ? { cluster } : {}),
    sentence: plan?.target.sentence,
    ticket: asked.ticket,
    ...news(moved, policy),
    ...said,
  }
}

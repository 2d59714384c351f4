import { readFile } from 'node:fs/promises'
import type { AuditEvent } from './lab.ts'

/** Evictions with their body (whose uid precondition tests count), other writes on pods and nodes without, nothing else. */
export const AUDIT_POLICY = JSON.stringify({
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  rules: [
    { level: 'RequestResponse', verbs: ['create'], resources: [{ group: '', resources: ['pods/eviction'] }] },
    { level: 'Request', verbs: ['delete'], resources: [{ group: '', resources: ['pods'] }] },
    {
      level: 'Metadata',
      verbs: ['create', 'update', 'patch', 'delete', 'deletecollection'],
      resources: [{ group: '', resources: ['pods', 'nodes'] }],
    },
    { level: 'None' },
  ],
})

type Preconditions = { readonly preconditions?: { readonly uid?: string } }
type Raw = {
  readonly auditID: string
  readonly stage: string
  readonly stageTimestamp: string
  readonly verb: string
  readonly requestURI: string
  readonly userAgent?: string
  readonly user?: { readonly username?: string }
  readonly objectRef?: {
    readonly resource?: string
    readonly subresource?: string
    readonly namespace?: string
    readonly name?: string
  }
  readonly responseStatus?: { readonly code?: number }
  readonly requestObject?: Preconditions & {
    readonly deleteOptions?: Preconditions & { readonly dryRun?: readonly string[] }
    readonly dryRun?: readonly string[]
  }
}

function parsed(raw: Raw): AuditEvent {
  const body = raw.requestObject
  const uid = body?.deleteOptions?.preconditions?.uid ?? body?.preconditions?.uid
  return {
    auditId: raw.auditID,
    stage: raw.stage,
    atMs: Date.parse(raw.stageTimestamp),
    verb: raw.verb,
    user: raw.user?.username ?? '',
    userAgent: raw.userAgent ?? '',
    resource: raw.objectRef?.resource ?? '',
    subresource: raw.objectRef?.subresource ?? '',
    namespace: raw.objectRef?.namespace ?? '',
    name: raw.objectRef?.name ?? '',
    code: raw.responseStatus?.code ?? 0,
    dryRun:
      raw.requestURI.includes('dryRun=All') || Boolean(body?.dryRun?.length || body?.deleteOptions?.dryRun?.length),
    ...(uid === undefined ? {} : { requestUid: uid }),
  }
}

/** The entries of these logs, oldest first. A log that does not exist (yet) has none; a half-written last line is left out. */
export async function readAudit(files: readonly string[]): Promise<readonly AuditEvent[]> {
  const texts = await Promise.all(files.map((file) => readFile(file, 'utf8').catch(() => '')))
  const lines = texts.flatMap((text) =>
    text
      .slice(0, text.lastIndexOf('\n') + 1)
      .split('\n')
      .filter(Boolean),
  )
  return lines.map((line) => parsed(JSON.parse(line))).sort((a, b) => a.atMs - b.atMs)
}

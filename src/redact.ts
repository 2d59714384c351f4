/** What must never be shown, by form. Exact values known to a process are added by `withSecrets`. */
const FORMS: readonly [RegExp, string][] = [
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g, '[private key]'],
  [/\b[a-z0-9]{6}\.[a-z0-9]{16}\b/g, '[bootstrap token]'],
  [/(?<!sha256:)(?<![:\w])[0-9a-f]{64}\b/g, '[certificate key]'],
  [/\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*/g, '[jwt]'],
  [/\b(?:hvs|s)\.[A-Za-z0-9]{20,}/g, '[vault token]'],
  [/\bAGE-SECRET-KEY-1[0-9A-Z]{20,}/g, '[age key]'],
  [/\bAQ[\w+/]{36,38}==/g, '[ceph key]'],
  [/\bxox[a-z]-[\w-]{8,}/g, '[slack token]'],
  [/\bxapp-[\w-]{8,}/g, '[slack token]'],
  [/\bsyt_[\w=-]{8,}/g, '[matrix token]'],
  [/\bH4sI[A-Za-z0-9+/=]{40,}/g, '[k0s token]'],
  [/((?:client-key-data|client-certificate-data|token|password)["']?\s*[:=]\s*["']?)[^\s"',}]{6,}/gi, '$1[secret]'],
  [/([a-z][a-z0-9+.-]*:\/\/)[^\s/@:]+:[^\s/@]+@/gi, '$1[user]@'],
]

/** The one redaction gate: before chat, ticket, log, store and metrics. Linear in the text's length. */
export const redact = (text: string): string => FORMS.reduce((t, [form, name]) => t.replace(form, name), text)

/** The same for every string of a plain value, whatever its shape: the shape stays. */
export function redactAll<T>(value: T): T {
  const walk = (v: unknown): unknown => {
    if (typeof v === 'string') return redact(v)
    if (Array.isArray(v)) return v.map(walk)
    return typeof v === 'object' && v !== null ? Object.fromEntries(Object.entries(v).map(([k, x]) => [k, walk(x)])) : v
  }
  // strings stay strings and nothing else changes
  return walk(value) as T
}

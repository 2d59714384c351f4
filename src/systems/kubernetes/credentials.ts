import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { RequestOptions } from 'node:https'
import type { KubeConfig } from '@kubernetes/client-node'
import { SluiceError } from '../../errors.ts'

/** Where the credentials of a cluster are. Values, not references: the composition root has resolved `env:` and `file:`. */
export type Credentials =
  | { readonly kubeconfig: string; readonly context?: string }
  | {
      readonly server: string
      readonly token?: string
      readonly tokenFile?: string
      /** PEM. */
      readonly ca?: string
      readonly caFile?: string
      readonly tlsServerName?: string
    }

export type Expiry = { readonly expiresAtMs?: number; readonly kind: 'client-certificate' | 'token' | 'none' }

/** What one request must carry, read anew so that rotated files count. */
export type Material = {
  readonly headers: Readonly<Record<string, string>>
  readonly tls: {
    readonly ca?: string
    readonly cert?: string
    readonly key?: string
    readonly servername?: string
    readonly rejectUnauthorized?: boolean
  }
}

const isLoopbackHttp = (server: string): boolean =>
  /^http:\/\/(?:127\.\d+\.\d+\.\d+|\[::1\]|localhost)(?::\d+)?(?:\/|$)/.test(server)

/** Loads the credentials into client-node's KubeConfig. Throws K8S-CREDENTIALS. */
export function loadKubeConfig(cluster: string, credentials: Credentials, make: new () => KubeConfig): KubeConfig {
  const doing = `loading the credentials of ${cluster}`
  const kc = new make()
  try {
    if ('kubeconfig' in credentials) {
      kc.loadFromFile(credentials.kubeconfig)
      if (credentials.context !== undefined) kc.setCurrentContext(credentials.context)
    } else kc.loadFromClusterAndUser(clusterOf(cluster, credentials), userOf(cluster, credentials))
  } catch (cause) {
    // The text of a YAML error quotes the file, and the file holds keys.
    throw new SluiceError('K8S-CREDENTIALS', doing, {
      text: `the kubeconfig cannot be read (${reason(cause)})`,
      cause: undefined,
    })
  }
  const found = kc.getCurrentCluster()
  if (found === null) throw new SluiceError('K8S-CREDENTIALS', doing, { text: 'the kubeconfig has no such context' })
  if (kc.getCurrentUser() === null)
    throw new SluiceError('K8S-CREDENTIALS', doing, { text: 'the context names no user' })
  if (found.server.startsWith('http:') && !isLoopbackHttp(found.server))
    throw new SluiceError('K8S-CREDENTIALS', doing, { text: 'plain http is accepted on the loopback interface only' })
  return kc
}

const reason = (cause: unknown): string =>
  cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : 'not a valid kubeconfig'

type Direct = Exclude<Credentials, { kubeconfig: string }>

const clusterOf = (name: string, direct: Direct) => ({
  name,
  server: direct.server,
  // client-node refuses http without it; loadKubeConfig lets http through on loopback only.
  skipTLSVerify: isLoopbackHttp(direct.server),
  ...(direct.ca === undefined ? {} : { caData: Buffer.from(direct.ca).toString('base64') }),
  ...(direct.caFile === undefined ? {} : { caFile: direct.caFile }),
  ...(direct.tlsServerName === undefined ? {} : { tlsServerName: direct.tlsServerName }),
})

const userOf = (name: string, direct: Direct) => ({
  name,
  ...(direct.token === undefined ? {} : { token: direct.token }),
  ...(direct.tokenFile === undefined
    ? {}
    : { authProvider: { name: 'tokenFile', config: { tokenFile: direct.tokenFile } } }),
})

/** Headers and TLS of the next request; runs exec plug-ins and reads token files as client-node does. Throws K8S-CREDENTIALS. */
export async function materialOf(cluster: string, kc: KubeConfig): Promise<Material> {
  const opts: RequestOptions = {}
  try {
    await kc.applyToHTTPSOptions(opts)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new SluiceError('K8S-CREDENTIALS', `reading the credentials of ${cluster}`, { text: why })
  }
  const headers = Object.fromEntries(Object.entries(opts.headers ?? {}).map(([k, v]) => [k, String(v).trim()]))
  if (typeof opts.auth === 'string') headers.Authorization = `Basic ${Buffer.from(opts.auth).toString('base64')}`
  const pem = (value: unknown): string | undefined =>
    typeof value === 'string' || Buffer.isBuffer(value) ? value.toString() : undefined
  const [ca, cert, key] = [pem(opts.ca), pem(opts.cert), pem(opts.key)]
  const servername = kc.getCurrentCluster()?.tlsServerName
  return {
    headers,
    tls: {
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
      ...(servername === undefined ? {} : { servername }),
      ...(opts.rejectUnauthorized === undefined ? {} : { rejectUnauthorized: opts.rejectUnauthorized }),
    },
  }
}

/** The `exp` of a JWT in ms, undefined for other tokens. */
function jwtExpiryMs(token: string): number | undefined {
  try {
    const claims: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
    return typeof claims === 'object' && claims !== null && 'exp' in claims && typeof claims.exp === 'number'
      ? claims.exp * 1000
      : undefined
  } catch {
    return undefined
  }
}

/**
 * When the credentials end: the client certificate's notAfter, or the token's `exp`. Asks no server, runs no exec plug-in.
 * Throws K8S-CREDENTIALS when they cannot be loaded.
 */
export async function credentialsExpiry(cluster: string, credentials: Credentials): Promise<Expiry> {
  const { KubeConfig } = await import('@kubernetes/client-node')
  const user = loadKubeConfig(cluster, credentials, KubeConfig).getCurrentUser()
  try {
    const cert = user?.certFile
      ? readFileSync(user.certFile)
      : user?.certData
        ? Buffer.from(user.certData, 'base64')
        : undefined
    if (cert !== undefined)
      return { kind: 'client-certificate', expiresAtMs: Date.parse(new X509Certificate(cert).validTo) }
    const file: unknown = user?.authProvider?.config?.tokenFile
    const token = user?.token ?? (typeof file === 'string' ? readFileSync(file, 'utf8') : undefined)
    if (token === undefined) return { kind: 'none' }
    const expiresAtMs = jwtExpiryMs(token)
    return { kind: 'token', ...(expiresAtMs === undefined ? {} : { expiresAtMs }) }
  } catch (cause) {
    throw new SluiceError('K8S-CREDENTIALS', `reading the expiry of the credentials of ${cluster}`, {
      text: reason(cause),
    })
  }
}

import type { WebClient } from '@slack/web-api'
import { z } from 'zod'
import { SluiceError } from '../errors.ts'
import { within } from '../duration.ts'
import type { Incoming } from './chat.ts'
import { slackError } from './slack-error.ts'
import type { Self } from './slack-events.ts'

/** What Slack says of somebody. `name` is how people see them. */
export type Face = { readonly name: string; readonly bot: boolean; readonly outsider?: 'guest' | 'external' }

const infoShape = z.object({
  user: z.object({
    name: z.string().optional(),
    real_name: z.string().optional(),
    profile: z.object({ display_name: z.string().optional() }).optional(),
    team_id: z.string().optional(),
    enterprise_user: z.object({ teams: z.array(z.string()).default([]) }).optional(),
    deleted: z.boolean().optional(),
    is_bot: z.boolean().optional(),
    is_restricted: z.boolean().optional(),
    is_ultra_restricted: z.boolean().optional(),
    is_stranger: z.boolean().optional(),
  }),
})
type Info = z.infer<typeof infoShape>['user']

const FRESH_MS = 10 * 60_000
const KEPT = 500
/** With the time to show a request, less than the three seconds Slack waits. */
const LIMIT_MS = 1_400

/**
 * Looks people up (`users.info`), at most once in ten minutes each; while Slack does not answer, an older answer counts.
 * Throws CHAT-UNREACHABLE | CHAT-LIMITED | CHAT-AUTH about somebody it has never heard of: who cannot be looked at is not let in.
 */
export function slackFaces(client: WebClient, self: Self, nowMs: () => number = Date.now) {
  const known = new Map<string, { readonly face: Face; readonly atMs: number }>()
  const asking = new Map<string, Promise<Face>>()
  const askOnce = (user: string): Promise<Face> => {
    const now = asking.get(user) ?? ask(user).finally(() => asking.delete(user))
    asking.set(user, now)
    return now
  }
  const ask = async (user: string): Promise<Face> => {
    const face = await Promise.race([look(client, user, self), tooLong()])
    known.delete(user)
    known.set(user, { face, atMs: nowMs() })
    for (const oldest of known.keys()) if (known.size > KEPT) known.delete(oldest)
    return face
  }
  return async (user: string): Promise<Face> => {
    const old = known.get(user)
    if (old !== undefined && nowMs() - old.atMs < FRESH_MS) return old.face
    return askOnce(user).catch((error: unknown) => {
      if (old === undefined) throw error
      return old.face
    })
  }
}
export type Faces = ReturnType<typeof slackFaces>

const tooLong = (): Promise<never> =>
  new Promise((_resolve, reject) => {
    within(LIMIT_MS).addEventListener('abort', () =>
      reject(new SluiceError('CHAT-UNREACHABLE', 'looking somebody up in Slack', { text: 'no answer in time' })),
    )
  })

async function look(client: WebClient, user: string, self: Self): Promise<Face> {
  try {
    const { user: info } = infoShape.parse(await client.apiCall('users.info', { user }))
    const outsider = outsiderOf(info, self)
    return {
      name: info.profile?.display_name || info.real_name || info.name || user,
      bot: info.is_bot === true,
      ...(outsider === undefined ? {} : { outsider }),
    }
  } catch (error) {
    const known = slackError(error, 'looking somebody up in Slack')
    // of people of another company Slack may say nothing at all
    if (/\b(user_not_found|user_not_visible)\b/.test(known.message))
      return { name: user, bot: false, outsider: 'external' }
    throw known
  }
}

/** A deactivated account is nobody's any more. */
function outsiderOf(info: Info, self: Self): Incoming['outsider'] {
  const teams = [info.team_id, ...(info.enterprise_user?.teams ?? [])].filter((t) => t !== undefined)
  const elsewhere = teams.length > 0 && !teams.includes(self.team) && !teams.includes(self.enterprise ?? self.team)
  if (info.is_stranger === true || info.deleted === true || elsewhere) return 'external'
  return info.is_restricted === true || info.is_ultra_restricted === true ? 'guest' : undefined
}

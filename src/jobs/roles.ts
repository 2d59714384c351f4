/** What a process does of all that Sluice does. `chat`: speaks with the platforms. `worker`: plans, runs jobs and lets questions expire. */
export const ROLES = ['chat', 'worker'] as const
export type Role = (typeof ROLES)[number]
export type Roles = ReadonlySet<Role>
export const ALL_ROLES: Roles = new Set(ROLES)

/** `chat,worker`, or the words that are no role (an empty list where there are none at all). */
export function rolesOf(text: string): Roles | { readonly unknown: readonly string[] } {
  const words = text.split(',').flatMap((word) => (word.trim() === '' ? [] : [word.trim()]))
  const known = new Set(ROLES.filter((role) => words.includes(role)))
  const unknown = words.filter((word) => !ROLES.some((role) => role === word))
  return unknown.length > 0 || known.size === 0 ? { unknown } : known
}

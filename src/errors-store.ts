/** Codes about what is stored, part of the table in errors.ts. */
export const STORE_ERRORS = {
  'STORE-UNREACHABLE': { sentence: 'Redis does not answer.', advice: 'Start it, or check REDIS_URL.' },
  'STORE-MISSING': {
    sentence: 'No Redis or Valkey server was found.',
    advice: 'Install one: apt install redis-server, or brew install valkey.',
  },
  'STORE-UNSAFE': {
    sentence: 'Redis is not set up to keep what was accepted.',
    advice: 'Set appendonly yes and maxmemory-policy noeviction.',
  },
  'STORE-NEWER': {
    sentence: 'What is stored was written by a newer Sluice.',
    advice: 'Run that version or a newer one; an older one must not guess.',
  },
  'STORE-BAD': {
    sentence: 'What is stored has not the form Sluice writes.',
    advice: 'Somebody else has written there: `sluice audit verify` says what the log is worth.',
  },
  'AUDIT-BROKEN': {
    sentence: 'The audit log does not hold.',
    advice: 'Keep the store and the exported files as they are, and find out who could write there.',
  },
  'AUDIT-FILE': {
    sentence: 'The file is not an export of the audit log, or cannot be read or written.',
    advice: 'Name a file that `sluice audit export` or the bot wrote.',
  },
} as const satisfies Record<string, { readonly sentence: string; readonly advice: string }>

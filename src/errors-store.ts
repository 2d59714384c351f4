/** Codes about what is stored, part of the table in errors.ts. */
export const STORE_ERRORS = {
  'STORE-UNREACHABLE': { sentence: 'Redis does not answer.', advice: 'Start it, or check REDIS_URL.' },
  'STORE-MISSING': {
    sentence: 'No Redis or Valkey server was found.',
    advice: 'Install one: apt install redis-server, or brew install valkey.',
  },
  'STORE-UNSAFE': {
    sentence: 'Redis is not set up to keep what was accepted.',
    advice: 'Mend what is named: appendonly yes, maxmemory-policy noeviction, a version and a clock of today.',
  },
  'STORE-FULL': {
    sentence: 'Redis has no room left, in memory or on its disk, and stores nothing more.',
    advice:
      'Give it room (maxmemory, the disk of its AOF). Nothing was done by half; it goes on by itself, and what was not accepted is sent again.',
  },
  'STORE-READONLY': {
    sentence: 'This Redis is a replica and stores nothing.',
    advice: 'Point Sluice at the master, or at the Sentinels, which know who it is.',
  },
  'STORE-NOT-REPLICATED': {
    sentence: 'No replica of Redis confirmed in time what must not be lost, so it does not count as accepted.',
    advice:
      'Look whether the replicas run and are connected. What was sent comes again by itself; a word typed twice counts once.',
  },
  'STORE-ALONE': {
    sentence: 'The replicas of Redis are gone: what is accepted now is on one server only.',
    advice: 'Bring a replica back.',
  },
  'STORE-NEWER': {
    sentence: 'What is stored was written by a newer Sluice.',
    advice: 'Run that version or a newer one; an older one must not guess.',
  },
  'STORE-BAD': {
    sentence: 'What is stored has not the form Sluice writes.',
    advice: 'Somebody else has written there: `sluice audit verify` says what the log is worth.',
  },
  'STORE-NOT-EMPTY': {
    sentence: 'This Redis holds something of Sluice already; a backup is restored onto an empty one only.',
    advice: 'Name another Redis or data folder. What is there is not touched.',
  },
  'STORE-RESTORING': {
    sentence: 'A backup is being restored here, or its restore was cut off.',
    advice:
      'Wait for `sluice restore`. If it was cut off: empty this Redis (nothing else is in it of Sluice) and restore again.',
  },
  'BACKUP-BAD': {
    sentence: 'The file is not a whole backup, or cannot be read or written.',
    advice: 'Name a file that `sluice backup` wrote, unchanged; an older backup may be whole.',
  },
  'BACKUP-MOVED': {
    sentence: 'The audit log was trimmed, or words were taken away, while the backup was made.',
    advice: 'Make it again.',
  },
  RESTORED: {
    sentence: 'Sluice was restored from a backup, and does not know what happened after it was taken.',
    advice: 'Look at the system; `resume N` or `retry N` if it is still wanted.',
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

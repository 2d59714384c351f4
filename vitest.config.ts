import { defineConfig } from 'vitest/config'
import { Report } from './test/lab/report.ts'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts', ...(process.env['SOAK'] === '1' ? ['test/**/*.soak.ts'] : [])],
    globalSetup: ['test/lab/global.ts'],
    pool: 'forks',
    maxWorkers: 2,
    // limits for what hangs, not for what is slow
    testTimeout: 90_000,
    hookTimeout: 240_000,
    teardownTimeout: 60_000,
    reporters: ['default', new Report()],
  },
})

import { describe, expect, test } from 'vitest'
import {
  type DaemonSetLookup,
  type DrainOptions,
  fatalTexts,
  sortPod,
  warningTexts,
} from '../../src/steps/drain-filters.ts'
import type { Pod } from '../../src/systems/kubernetes/port.ts'
import { DRAIN_OPTIONS, type Loose, makePod } from './objects.ts'

const DAEMONSET = { controller: { kind: 'DaemonSet', apiVersion: 'apps/v1', name: 'ds', uid: 'u' } }
const NAKED = { controller: undefined }
const found: DaemonSetLookup = { found: true }
const missing: DaemonSetLookup = { found: false, missing: true, error: 'daemonsets.apps "ds" not found' }
const unreadable: DaemonSetLookup = { found: false, missing: false, error: 'forbidden' }

const does = (pod: Loose<Pod>, options: Partial<DrainOptions> = {}, lookup?: DaemonSetLookup, nowMs = 0): string => {
  const { does, by } = sortPod(makePod(pod), { ...DRAIN_OPTIONS, ...options }, lookup, nowMs)
  return by === undefined ? does : `${does} ${by}`
}

describe("kubectl's chain of filters", () => {
  test.each([
    ['an owned pod', does({}), 'evict'],
    ['a naked pod', does(NAKED), 'fatal unmanaged'],
    ['a naked pod, force', does(NAKED, { force: true }), 'evict unmanaged'],
    ['a finished naked pod', does({ ...NAKED, phase: 'Failed' }), 'evict'],
    ['emptyDir', does({ emptyDirs: ['e'] }), 'fatal local-storage'],
    ['emptyDir, aggressively', does({ emptyDirs: ['e'] }, { deleteEmptydirData: true }), 'evict'],
    ['finished with emptyDir', does({ emptyDirs: ['e'], phase: 'Succeeded' }), 'evict'],
    [
      'naked with emptyDir: the first filter that says no speaks',
      does({ ...NAKED, emptyDirs: ['e'] }),
      'fatal local-storage',
    ],
    ['a DaemonSet pod', does(DAEMONSET, {}, found), 'skip daemonset'],
    ['a DaemonSet pod, not ignored', does(DAEMONSET, { ignoreDaemonsets: false }, found), 'fatal daemonset'],
    ['a DaemonSet pod with emptyDir', does({ ...DAEMONSET, emptyDirs: ['e'] }, {}, found), 'skip daemonset'],
    [
      'a finished DaemonSet pod, not ignored',
      does({ ...DAEMONSET, phase: 'Succeeded' }, { ignoreDaemonsets: false }, found),
      'evict',
    ],
    ['its DaemonSet is missing', does(DAEMONSET, {}, missing), 'fatal daemonset'],
    ['its DaemonSet is missing, force', does(DAEMONSET, { force: true }, missing), 'evict'],
    ['its DaemonSet cannot be read, force', does(DAEMONSET, { force: true }, unreadable), 'fatal daemonset'],
    [
      'a DaemonSet of another API',
      does({ controller: { ...DAEMONSET.controller, apiVersion: 'extensions/v1beta1' } }, { ignoreDaemonsets: false }),
      'evict',
    ],
    ['a mirror pod with emptyDir', does({ ...NAKED, mirror: true, emptyDirs: ['e'] }), 'skip mirror'],
    [
      'terminating with emptyDir: nothing of it is deleted by us',
      does({ deletionAtMs: 0, emptyDirs: ['e'] }),
      'wait terminating',
    ],
    [
      'terminating, not longer than the limit',
      does({ deletionAtMs: 0 }, { skipWaitForDeleteTimeoutSeconds: 5 }, undefined, 5_999),
      'wait terminating',
    ],
    [
      'terminating for longer than the limit',
      does({ deletionAtMs: 0 }, { skipWaitForDeleteTimeoutSeconds: 5 }, undefined, 6_000),
      'skip deleted',
    ],
    ['terminating for ever, the limit off', does({ deletionAtMs: 0 }, {}, undefined, 1e12), 'wait terminating'],
  ])('%s', (_name, got, wanted) => {
    expect(got).toBe(wanted)
  })

  test('errors and warnings are grouped by their text', () => {
    const sort = (name: string, pod: Loose<Pod>, options: Partial<DrainOptions> = {}) =>
      sortPod(makePod({ ...pod, name }), { ...DRAIN_OPTIONS, ...options }, found, 0)
    const sorted = [
      sort('a', NAKED),
      sort('b', { emptyDirs: ['e'] }),
      sort('c', NAKED),
      sort('d', DAEMONSET),
      sort('f', NAKED, { force: true }),
    ]
    expect(fatalTexts(sorted)).toEqual([
      'cannot delete Pods that declare no controller (use --force to override): acme/a, acme/c',
      'cannot delete Pods with local storage (use --delete-emptydir-data to override): acme/b',
    ])
    expect(warningTexts(sorted)).toEqual([
      'ignoring DaemonSet-managed Pods: acme/d',
      'deleting Pods that declare no controller: acme/f',
    ])
  })
})

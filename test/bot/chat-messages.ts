import type { Message } from '../../src/message.ts'

/** One paragraph. */
export const words = (text: string): Message => ({ blocks: [{ kind: 'text', text }] })

/** A message with every kind of block, and a button. */
export const CARD: Message = {
  blocks: [
    { kind: 'heading', text: 'Drain server23 on p10' },
    {
      kind: 'fields',
      rows: [
        ['asked by', [{ person: 'nico' }]],
        ['since', [{ time: Date.UTC(2026, 10, 25, 9, 3), shown: '10:03 CET' }]],
        ['ticket', [{ link: '#4711', url: 'https://redmine.example/issues/4711' }]],
      ],
    },
    { kind: 'note', text: 'one pod is under a budget', tone: 'warn' },
    { kind: 'list', items: ['first', ['second ', { code: 'server23' }]] },
    { kind: 'table', columns: ['NAME', 'STATUS'], rows: [['server23', 'Ready']] },
    {
      kind: 'steps',
      items: [
        { title: 'cordon', mark: 'done' },
        { title: 'evict', mark: 'running', note: '3 of 8' },
      ],
    },
    { kind: 'code', text: 'kubectl get nodes' },
  ],
  buttons: [{ id: 'say:cancel', label: 'cancel', style: 'danger' }],
}

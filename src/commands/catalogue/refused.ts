import type { Known } from '../grammar.ts'
import { notOffered } from './entry.ts'

const FORCE = {
  command: 'drain',
  endings: [
    { label: 'Delete emptyDir data', words: 'aggressively' },
    { label: 'Delete unmanaged pods', words: 'including unmanaged pods' },
    { label: 'Ignore disruption budgets', words: 'ignoring budgets' },
  ],
} as const

/** Understood, and not done in this form or never. */
export const REFUSED: readonly Known[] = [
  notOffered(
    'force drain',
    'PARSE-AMBIGUOUS',
    '"force" can mean three things. Which one?',
    `
    force drain|evacuate|empty [node|nodes] {nodes}
    force-drain [node|nodes] {nodes}
    drain|evacuate|empty [node|nodes] {nodes} forcefully|forcibly|force|forced
    drain|evacuate|empty [node|nodes] {nodes} with|by force
    forcefully|forcibly drain|evacuate|empty [node|nodes] {nodes}
  `,
    FORCE,
  ),
  notOffered(
    'be more aggressive',
    'PARSE-MISSING',
    'Drain what aggressively? For example: `drain server23 on p10 aggressively`.',
    'be [more] aggressive\nmore aggressive|aggressively',
  ),
  notOffered(
    'drain a whole cluster',
    'PARSE-ALL',
    'A whole cluster is never drained at once: name the nodes, or say which ones.',
    `
    drain|evacuate|empty|cordon|uncordon [the] whole|entire cluster {cluster}
    drain|evacuate|empty|cordon|uncordon [the] whole|entire {cluster}
    drain|evacuate|empty|cordon|uncordon [all] clusters
    drain|evacuate|empty|cordon|uncordon all|everything|everywhere
  `,
  ),
  notOffered(
    'stop one cluster',
    'NOT-OFFERED',
    'One cluster alone is not stopped: `stop all` stops everything, `cancel N` one job.',
    `
    stop|halt|freeze|pause all|everything|alles on|of|in {cluster}
    stop|halt|freeze|pause all|every [the] jobs|job|work|changes|drains on|of|in {cluster}
  `,
  ),
  notOffered(
    'delete a cluster',
    'NOT-OFFERED',
    'Sluice does not delete or reset clusters.',
    `
    delete|reset|destroy|remove|wipe|nuke|erase|kill|decommission [cluster] {cluster}
    kubeadm reset [{rest:text}]
    {cluster} löschen|zurücksetzen
    lösche|entferne|zerstöre [den] [cluster] {cluster}
  `,
  ),
  notOffered(
    'ceph pool delete',
    'NOT-OFFERED',
    'Sluice never deletes a Ceph pool.',
    `
    ceph osd pool delete|rm|remove|purge [{rest:text}]
    ceph fs rm|remove [{rest:text}]
    delete|remove [the] [ceph] pool [{rest:text}]
  `,
  ),
  notOffered(
    'unseal vault',
    'NOT-OFFERED',
    'Keys of Vault do not go through a chat: unseal it on its own command line.',
    'unseal vault [{rest:text}]',
  ),
]

import type { Known } from '../grammar.ts'
import { notYet } from './entry.ts'

const DRAIN_ONLY = { command: 'drain', endings: [{ label: 'Drain only', words: '' }] } as const

/** Operations on nodes and pods that do not exist yet. Whoever adds the command deletes its entry. */
export const NODE_OPERATIONS: readonly Known[] = [
  notYet(
    'reboot',
    'drain the nodes, reboot them one by one and uncordon them',
    `
    reboot|restart [node|nodes] {nodes}
    power cycle {nodes}
    power-cycle {nodes}
    {nodes} neustarten|rebooten
  `,
    { instead: DRAIN_ONLY },
  ),
  notYet(
    'force delete pod',
    'show the pod, its owner and its claims, and delete it without grace after an approval',
    `
    force delete|remove pod|pods {pod:name} [in|-n [namespace] {namespace:name}]
    force-delete pod|pods {pod:name} [in|-n [namespace] {namespace:name}]
    kill [the] [pod] {pod:name} [in|-n [namespace] {namespace:name}]
    delete|remove [the] hanging|stuck|terminating pod|pods [{pod:name}] [in|-n [namespace] {namespace:name}]
    force delete [all] [the] terminating|hanging|stuck pods [in|-n [namespace] {namespace:name}]
    delete pod {pod:name} --force
  `,
    {
      options: `
    --grace-period={seconds:number}
    --force
    -n {namespace:name}
    --namespace={namespace:name}
    --now
    --wait=false
  `,
      manual: '`kubectl delete pod P --grace-period=0 --force -n NS`',
    },
  ),
  notYet(
    'delete pod',
    'delete the pod with its own grace period and say whether it comes back',
    `
    delete|remove pod|pods {pod:name} [in|-n [namespace] {namespace:name}]
    restart|bounce pod|pods {pod:name} [in|-n [namespace] {namespace:name}]
    bounce {pod:name} [in|-n [namespace] {namespace:name}]
  `,
    {
      options: `
    -n {namespace:name}
    --namespace={namespace:name}
  `,
    },
  ),
  notYet(
    'restart deployment',
    'restart the workload by a rollout',
    `
    [rollout] restart deployment|deploy|deployments|statefulset|sts|daemonset|ds {workload:name} [in|-n [namespace] {namespace:name}]
    rollout restart {workload:name} [in|-n [namespace] {namespace:name}]
  `,
    { options: '-n {namespace:name}' },
  ),
  notYet(
    'logs',
    'show the last 100 lines of a pod',
    `
    logs|log [of|from|for] [pod] {pod:name} [in|-n [namespace] {namespace:name}]
    show [me] [the] logs|log of|from|for [pod] {pod:name} [in|-n [namespace] {namespace:name}]
    tail {pod:name} [in|-n [namespace] {namespace:name}]
  `,
    {
      options: `
    last {lines:number} [lines]
    --tail={lines:number}
    -f|--follow|--previous|-p
    -n {namespace:name}
    -c {container:name}
  `,
    },
  ),
  notYet(
    'join',
    'make a token, join the hosts by SSH as workers and wait until they are Ready',
    `
    join|add|rejoin|re-join [worker|workers|node|nodes] {nodes}
    reset and rejoin|re-join {nodes}
    {nodes} joinen|hinzufügen
  `,
    { manual: '`kubeadm token create --print-join-command` on a control plane.' },
  ),
  notYet(
    'join as control plane',
    'upload the certificates, join the host as a control plane and watch etcd',
    `
    join|add|rejoin|re-join {nodes} as [a] control plane|planes
    join|add|rejoin|re-join {nodes} as [a] control-plane|master|masters
    join|add|rejoin|re-join [a] master|control-plane [{nodes}]
    join|add|rejoin|re-join [a] control plane [{nodes}]
  `,
  ),
  notYet(
    'join command',
    'never print a join token into a channel: it will run the join for you (`join <host> to <cluster>`)',
    `
    [print|show|create] [the] [a] join command|token
    [print|show|create|make] [a] token
    [print|show|create] [a] bootstrap token
  `,
  ),
  notYet(
    'remove',
    'drain the nodes, delete them from the cluster and say what is left on the hosts',
    `
    remove|decommission|delete|retire [node|nodes] {nodes}
    kick {nodes} [out]
    delete node {nodes}
    {nodes} entfernen|löschen
  `,
    { instead: DRAIN_ONLY, manual: 'drain it, then `kubectl delete node`.' },
  ),
  notYet(
    'maintenance',
    'drain the node with noout handled and alerts silenced, and take all of it back at the end',
    `
    start|begin|end|finish|stop maintenance [mode] [on|of|for] {nodes}
    {nodes} needs [a] new disk|disks|memory|ram
    maintenance [mode] [on|of|for] [{nodes}]
  `,
    { options: 'for {lengthMs:duration}' },
  ),
  notYet(
    'trust host key',
    'show the old and the new fingerprint of the host and trust the new one after approval',
    `
    trust [the] [new] host key of|for {nodes}
    trust [the] [new] hostkey|host-key [of|for] {nodes}
    trust {nodes}
  `,
  ),
]

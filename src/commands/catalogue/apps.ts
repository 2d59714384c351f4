import type { Known } from '../grammar.ts'
import { notYet } from './entry.ts'

/** Applications, storage, tenants, records and schedules: what does not exist yet. */
export const APP_OPERATIONS: readonly Known[] = [
  notYet('install argo', 'install Argo CD server-side, without HA on IPv6', 'install argo|argocd|argo-cd [cd]'),
  notYet(
    'argo password',
    'send the password in private',
    `
    argo|argocd password|credentials|login
    [what is the] password|credentials|login for|of argo|argocd
  `,
  ),
  notYet(
    'argo apps',
    'list the applications and which are not in sync',
    `
    argo|argocd status|apps|applications [out of sync]
    [which|what] apps|applications are not synced|healthy
    [which|what] apps|applications are out of sync
  `,
  ),
  notYet(
    'sync app',
    'refresh or sync an application, without prune',
    `
    refresh|sync [app|application] {app:name}
    argo|argocd sync|refresh {app:name}
    poke argo|argocd
    trigger [the] [argo] webhook
  `,
    { options: 'with prune|force' },
  ),
  notYet(
    'deploy app',
    'write the Application with redmine-url and support-url as a change for k8s-config',
    `
    deploy|install {app:name} for [customer] {customer:name} [{fields:text}]
    new {app:name} for customer {customer:name} [{fields:text}]
    deploy {app:name}
  `,
    { options: 'fqdn|domain {fqdn:name}' },
  ),
  notYet(
    'undeploy app',
    'remove an application, keeping its data unless told otherwise',
    `
    undeploy {app:name}
    delete|remove app|application [{app:name}]
  `,
  ),
  notYet(
    'helm',
    'list, upgrade and roll back releases of development clusters; production goes through Argo CD',
    `
    helm upgrade|install|list|ls|history|rollback|status [{release:text}]
  `,
  ),
  notYet(
    'ceph',
    'run the allowed ceph commands in the toolbox',
    `
    ceph [{words:text}]
    how is [the] storage|ceph
    storage|ceph status|health
  `,
    { manual: '`kubectl exec` into the rook-ceph toolbox.' },
  ),
  notYet(
    'rook logs',
    'show the logs of the Rook operator or of the OSD preparation of a host',
    `
    rook [osd] prepare logs [of|for] [{node}]
    osd prepare logs [of|for] {node}
    rook operator logs
    [tail|show] [the] rook [operator] [logs]
  `,
  ),
  notYet(
    'rescan disks',
    'restart the Rook operator, which looks for new disks on all nodes',
    `
    rescan [the] [disks|osds]
    rook rescan
    add [the] new osds|disks
    new disks|disk in|on {node}
  `,
  ),
  notYet(
    'remove osd',
    'look whether the OSD is safe to destroy, and take it out step by step',
    `
    remove|replace|purge|delete {osd}
    get rid of {osd}
    {osd} is broken|dead|down|failed
  `,
  ),
  notYet(
    'harbor status',
    'ask Harbor for its health',
    `
    harbor status|health|projects|storage
    is [the] registry|harbor up|ok|down|healthy
  `,
  ),
  notYet(
    'v4 proxy',
    'show and check the IPv4 proxy of a cluster',
    `
    [check] v4|ipv4 proxy
    which|what v4|ipv4 address has {cluster}
    which|what is the v4|ipv4 address
  `,
    { manual: '`show cluster` has its address.' },
  ),
  notYet(
    'flux',
    'show, reconcile, suspend and resume Flux objects',
    `
    flux status|reconcile|suspend|resume [{objects:text}]
    reconcile everything|all
  `,
  ),
  notYet(
    'backup pvc',
    'back a volume up or restore it, into a new claim by default',
    `
    backup|restore [pvc|volume] {pvc:name} [in|-n [namespace] {namespace:name}]
    volsync [now]
  `,
    { options: 'from {source:word}' },
  ),
  notYet(
    'vault status',
    'say whether Vault is sealed',
    `
    vault status [{where:name}]
    is vault sealed|unsealed|up|ok
  `,
  ),
  notYet(
    'tenant',
    'list, create and scale tenant clusters',
    `
    tenants
    tenant clusters
    create|new tenant {tenant:name} [with {workers:number} workers]
    scale tenant {tenant:name} to {workers:number} [workers]
    new|create k8s|kubernetes [cluster] for customer {tenant:name}
  `,
  ),
  notYet(
    'remind',
    'tell you when something has come about',
    `
    remind me when|if|once {condition:text}
    [tell|ping|notify] me when|once {condition:text}
    watch {condition:text}
  `,
  ),
  notYet(
    'freeze',
    'refuse changes of a cluster until a time',
    `
    freeze|unfreeze {cluster} [{reason:text}]
    freeze everything|all until {until:word}
    no changes [on {cluster}]
  `,
    {
      options: `
    until {until:word}
    this weekend|week
  `,
    },
  ),
  notYet(
    'scheduled summary',
    'post a summary at a fixed time',
    `
    summary daily|weekly|every|each [{when:text}]
    post a|the status|summary [{when:text}]
    [daily|weekly] summary [at {when:text}]
  `,
  ),
]

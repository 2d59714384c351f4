import type { Known } from '../grammar.ts'
import { notYet } from './entry.ts'

const HOSTS = `
  on|from|with [hosts] {hosts:nodes}
  with {count:number} servers|nodes|hosts|machines
  for [customer] {who:name}
  called|named {cluster}
`

/** Operations on clusters and their control planes that do not exist yet. */
export const CLUSTER_OPERATIONS: readonly Known[] = [
  notYet(
    'status',
    'say for each cluster what is not as it should be',
    `
    status|health [of] [all]
    status|health of [all] [clusters]
    how is|are|goes {cluster}
    how are the clusters
    is {cluster} ok|okay|healthy|fine|up|alive|good
    is everything ok|okay|fine|healthy|good
    summary|overview
    wie geht es {cluster}
  `,
    { manual: '`list nodes` and `stuck pods`.' },
  ),
  notYet(
    'masters',
    'list the control planes of a cluster',
    `
    masters|master
    control plane|planes|nodes
    control-plane|control-planes
    who is|are [the] master|masters
    which [nodes] are [the] masters|master|control-planes
  `,
    { manual: '`show cluster` and `list nodes`.' },
  ),
  notYet(
    'versions',
    'compare the versions of API server and kubelets',
    `
    versions|version
    which|what [k8s|kubernetes] version|versions runs|run|is|are|has [running|used]
  `,
    { manual: '`list nodes` has the column VERSION.' },
  ),
  notYet(
    'verify',
    'compare the registry with the live cluster and note the date',
    `
    verify {cluster}
    verify [the] registry
    compare [the] registry with {cluster}
    compare {cluster} with [the] registry
    mark {cluster} [as] verified
  `,
  ),
  notYet(
    'allow scheduling on control plane',
    'take the control-plane taint off all control planes of the cluster',
    `
    allow|enable scheduling|workloads|work|pods on [the] control plane|planes
    allow|enable scheduling|workloads|work|pods on [the] control-plane|master|masters
    untaint [the] control plane|planes
    untaint [the] [control-plane|master|masters]
    run work|workloads|pods on [the] master|masters|control-plane
    run work|workloads|pods on [the] control plane
  `,
    { manual: '`kubectl taint nodes --all node-role.kubernetes.io/control-plane-`' },
  ),
  notYet(
    'taint control plane',
    'put the control-plane taint back; pods that run there stay',
    `
    taint [the] control plane|planes [again]
    taint [the] control-plane|master|masters [again]
    no workloads|work|pods on [the] control plane|planes
    no workloads|work|pods on [the] control-plane|master|masters
  `,
  ),
  notYet(
    'kubeconfig',
    'send you a personal kubeconfig of 8 hours in private, never in a room',
    `
    kubeconfig
    [give|send] [me] [a|the] kubeconfig|admin.conf
    give me admin.conf
    scp [the] admin.conf
    i need|want access [to {cluster}]
    give me access [to {cluster}]
  `,
    {
      options: `
    for {lengthMs:duration}
    readonly|read-only
  `,
    },
  ),
  notYet(
    'new dev cluster',
    'take the next free name, at least 3 hosts (1 control plane, 3 schedulable), and set the cluster up by its profile',
    `
    [create|make|build|set] [up] [a] new|another dev|development|test cluster
    create|make|build [a] dev|development|test cluster
    [create|make|build] [a] new cluster [{cluster}]
    create|make|build [a] cluster [{cluster}]
  `,
    {
      options: HOSTS,
      manual: 'a development cluster needs at least 3 hosts (1 master, 3 worker), a production one 5.',
    },
  ),
  notYet(
    'new prod cluster',
    'take its name from the place, at least 5 hosts (3 control planes, 3 schedulable), and set the cluster up by its profile',
    `
    [create|make|build] [a] new|another prod|production cluster [{cluster}]
    create|make|build [a] prod|production cluster [{cluster}]
  `,
    { options: HOSTS },
  ),
  notYet(
    'init',
    "run `kubeadm init` on the host from the cluster's own configuration",
    `
    [kubeadm] init {cluster}
    kubeadm init
    bootstrap [the] control plane [of] {cluster}
    bootstrap {cluster}
  `,
    {
      options: `
    on {hosts:nodes}
    ha
    with {profile:name}
  `,
    },
  ),
  notYet(
    'bootstrap',
    'show how far a new cluster is, and go on, repeat or skip a stage',
    `
    bootstrap status|continue|retry|skip
    how far is {cluster}
  `,
  ),
  notYet(
    'etcd status',
    'list the members of etcd with their health',
    `
    etcd status|members|member|health
    etcd member list
    is etcd healthy|ok|okay|fine|up
    member list
    list etcd members
  `,
    { manual: '`etcdctl member list` in an etcd pod.' },
  ),
  notYet(
    'fix etcd',
    'find the stale member of a host and remove it when quorum allows',
    `
    fix|repair etcd [for {node}]
    remove [the] [stale] etcd member [{member:name}]
    etcd member remove {member:name}
  `,
  ),
  notYet(
    'etcd snapshot',
    'save a snapshot of etcd',
    `
    etcd snapshot|backup
    [make|take] [a] snapshot|backup [of] etcd
    backup|save etcd
  `,
  ),
  notYet(
    'certs',
    "list when kubeadm's and the services' certificates end",
    `
    certs|certificates|cert
    when do|does|will [the|its] certificates|certs|cert|certificate expire|expires|end
    cert|certificate|certs|certificates expiry|expiration|status [all]
  `,
  ),
  notYet(
    'renew certs',
    "renew kubeadm's certificates one control plane after the other",
    `
    renew [the] [kubeadm|control-plane] certs|certificates|cert
    renew [the] control plane certs|certificates
  `,
  ),
  notYet(
    'upgrade',
    'plan and run a kubeadm upgrade, one node after the other',
    `
    [kubeadm] upgrade|update {cluster} [to {version:version}]
    [kubeadm] upgrade|update [to {version:version}]
  `,
  ),
  notYet(
    'calico',
    'install or upgrade Calico by its Helm chart',
    `
    [helm] install|upgrade calico [to {version:version}]
    upgrade calico {cluster} to {version:version}
  `,
  ),
  notYet(
    'bgp status',
    'show the BGP peers of every node',
    `
    bgp [status|peers|state]
    are|is [the] [bgp] peers|peering up|ok|established
    calico [node] status
  `,
  ),
  notYet(
    'bgp config',
    'show the difference between the written and the live BGP configuration, and apply it',
    `
    apply|diff|show bgp [config|configuration]
    calicoctl create|apply bgp [config|configuration]
    calicoctl {rest:text}
  `,
  ),
]

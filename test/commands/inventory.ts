import type { Inventory, InventoryCluster } from '../../src/commands/command.ts'

type Written = Pick<InventoryCluster, 'name' | 'type'> &
  Partial<InventoryCluster> & { readonly hosts?: readonly string[] }

const cluster = ({ hosts = [], ...written }: Written): InventoryCluster => {
  const masters = written.masters ?? []
  return {
    fqdn: `${written.name}.k8s.ooo`,
    aliases: [],
    place: '',
    purpose: '',
    state: 'active',
    maintainers: [],
    rook: false,
    ipFamily: 'ipv6',
    live: false,
    nodes: [...new Set([...hosts, ...masters])].map((name) => ({ name, controlPlane: masters.includes(name) })),
    ...written,
    masters,
  }
}

const servers = (...numbers: readonly number[]): readonly string[] => numbers.map((n) => `server${n}`)

/** The registry of the manual: c2's masters differ from its nodes' roles, and server53 and server54 are in c2 and in c4. */
export const inventory: Inventory = {
  clusters: [
    cluster({ name: 'c0', type: 'development', state: 'unused' }),
    cluster({
      name: 'c1',
      type: 'development',
      place: 'place6',
      maintainers: ['nico'],
      masters: ['2a0a-e5c0-2-11-0-62ff-fe0b-1a3d.k8s-1.place6.ungleich.ch'],
    }),
    cluster({
      name: 'c2',
      type: 'development',
      place: 'place7',
      maintainers: ['nico'],
      masters: servers(47, 53, 54),
      hosts: servers(47, 48, 49, 50, 59, 60, 61, 62),
      rook: true,
    }),
    cluster({ name: 'c3', type: 'test', place: 'place7', state: 'unused' }),
    cluster({
      name: 'c4',
      type: 'development',
      place: 'place7',
      maintainers: ['fran', 'jin-guk'],
      masters: servers(52, 53, 54),
    }),
    cluster({
      name: 'c5',
      type: 'development',
      place: 'place6',
      maintainers: ['nico', 'amal'],
      masters: ['2a0a-e5c0-2-11-0-62ff-fe0b-1a46.k8s-1.place6.ungleich.ch'],
    }),
    cluster({ name: 'c6', type: 'development', place: 'place6', maintainers: ['jin-guk'] }),
    cluster({ name: 'p5', type: 'production', aliases: ['place5'], place: 'place5', masters: servers(34, 36, 38) }),
    cluster({
      name: 'p6',
      type: 'production',
      aliases: ['place6'],
      place: 'place6',
      masters: servers(67, 69, 71),
      rook: true,
    }),
    cluster({
      name: 'p10',
      type: 'production',
      aliases: ['place10'],
      place: 'place10',
      masters: servers(63, 65, 83),
      hosts: servers(22, 23, 24, 25, 26, 27, 64, 66, 84, 85, 86),
      rook: true,
    }),
  ],
  people: [
    { name: 'nico', title: 'Nico' },
    { name: 'fran', title: 'Fran' },
    { name: 'amal', title: 'Amal' },
    { name: 'jin-guk', title: 'Jin-Guk' },
  ],
}

export const rooms = {
  ops: { name: 'ops', clusters: [] },
  p6: { name: 'p6', cluster: 'p6', clusters: ['p6'] },
  p10: { name: 'p10', cluster: 'p10', clusters: ['p10'] },
} as const

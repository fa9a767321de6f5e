/**
 * The rules of a host that leads out of overlay networks, as nft(8) reads them.
 * @module
 */

import { Cidr, type IpAddress, type IpFamily } from "../../net/mod.ts";

/** One network that this host leads out of. */
export interface HostGateway {
  /** The network's name, for messages. */
  readonly network: string;
  /** The TAP that has the gateway's addresses. */
  readonly device: string;
  /** The network's blocks, one of each family at most. */
  readonly blocks: readonly Cidr[];
}

/** One network that this host leads members to. */
export interface HostRouting {
  /** `0.0.0.0/0` or `::/0` for everything but the networks beside this host. */
  readonly prefix: Cidr;
  /** Whether what comes from members leaves with this host's own address. */
  readonly masquerade: boolean;
}

/** The same with where this host has it. */
export interface PlacedRouting extends HostRouting {
  /** The interfaces that lead there, at least one. */
  readonly ways: readonly string[];
  /** What is not led to although it is within the prefix. */
  readonly except: readonly Cidr[];
  /** Only to its name server. */
  readonly isForNames?: boolean;
}

/** What the rules are made of. */
export interface GatewayRules {
  /** Of weft's own. */
  readonly tableName: string;
  /** The mesh's interface. */
  readonly meshInterface: string;
  readonly gateways: readonly HostGateway[];
  readonly routings: readonly PlacedRouting[];
  /** Interfaces that packets of the networks may leave by: the mesh's and those of the host's default routes. */
  readonly ways: readonly string[];
  /** Who answers names that members ask of servers in networks of their own, while this host is an exit. */
  readonly resolvers?: readonly IpAddress[];
  /** Those of all ways that forwarded nothing of the family before: they go on so, but for answers. */
  readonly opened: Readonly<Record<IpFamily, readonly string[]>>;
}

/**
 * @returns rules that replace the table as a whole, in one transaction. No rule can hit a packet that has not come from
 * a network's TAP, does not go to one, has nothing to do with the mesh's interface and has not come from an interface that
 * forwards for the sake of networks and members alone.
 */
export function gatewayRuleset(
  { tableName, meshInterface, gateways, routings, ways, resolvers = [], opened }: GatewayRules,
): string {
  const devices = gateways.map(({ device }) => device);
  const blocks = gateways.flatMap((gateway) => gateway.blocks.map((block) => ({ gateway, block })));
  const [inside, outside] = [set(devices), set(ways)];
  const lines = [
    // Who declares a table that there is already changes nothing; so it can be deleted in any case.
    `table inet ${tableName}`,
    `delete table inet ${tableName}`,
    `table inet ${tableName} {`,
    "  chain forward {",
    "    type filter hook forward priority filter; policy accept;",
    // RFC 2827: what is sent by an address of somebody else gets no further.
    ...gateways.flatMap(forgedSources),
    ...gateways.length === 0 ? [] : [
      `    iifname ${inside} oifname != ${outside} counter drop comment "from a network to no way out"`,
      // What the kernel can follow no connection of is not masqueraded, and would leave with an address of the network.
      `    iifname ${inside} ct state invalid counter drop comment "of no connection"`,
      `    iifname ${inside} accept`,
      `    oifname ${inside} ct state established,related accept`,
      `    oifname ${inside} counter drop comment "not asked for by a network"`,
    ],
    ...routingRules(meshInterface, routings),
    ...openedRules("nfproto ipv4", opened[4]),
    ...openedRules("nfproto ipv6", opened[6]),
    "  }",
    ...gateways.length === 0 ? [] : [
      "  chain input {",
      "    type filter hook input priority filter; policy accept;",
      `    iifname ${inside} ct state established,related accept`,
      `    iifname ${inside} meta l4proto { icmp, ipv6-icmp } accept`,
      `    iifname ${inside} counter drop comment "for this host itself"`,
      "  }",
    ],
    ...resolvers.length === 0 ? [] : [
      "  chain prerouting {",
      "    type nat hook prerouting priority dstnat; policy accept;",
      ...resolvers.flatMap((resolver) => namesRules(meshInterface, routings, resolver)),
      "  }",
    ],
    "  chain postrouting {",
    "    type nat hook postrouting priority srcnat; policy accept;",
    ...blocks.map(({ block }) => `    ${ip(block.family)} saddr ${block} oifname ${outside} masquerade`),
    ...routings.filter(({ masquerade }) => masquerade).map((routing) =>
      `    iifname "${meshInterface}" ${towards(routing)} masquerade`
    ),
    "  }",
    "}",
  ];
  return lines.join("\n") + "\n";
}

function forgedSources({ device, blocks }: HostGateway): readonly string[] {
  return ([4, 6] as const).map((family) => {
    const block = blocks.find((other) => other.family === family);
    const match = block === undefined ? `meta nfproto ipv${family}` : `${ip(family)} saddr != ${block}`;
    return `    iifname "${device}" ${match} counter drop comment "from an address of somebody else"`;
  });
}

function routingRules(mesh: string, routings: readonly PlacedRouting[]): readonly string[] {
  if (routings.length === 0) return [];
  // A network that was named comes before everything else that an exit leads to.
  const ordered = routings.toSorted((a, b) => b.prefix.prefixBits - a.prefix.prefixBits);
  return [
    // RFC 6691: what a host beyond offers to take in one segment has to fit the tunnel.
    `    oifname "${mesh}" tcp flags & (syn | rst) == syn tcp option maxseg size set rt mtu`,
    ...ordered.flatMap((routing) => {
      const { prefix, masquerade, ways, except } = routing;
      const family = ip(prefix.family);
      return [
        ...except.length === 0 ? [] : [
          `    iifname "${mesh}" ${family} daddr { ${
            except.join(", ")
          } } counter drop comment "beside the exit"`,
        ],
        // What the kernel can follow no connection of would leave with an address of the mesh.
        ...masquerade
          ? [
            `    iifname "${mesh}" ${
              towards(routing)
            } ct state invalid counter drop comment "of no connection"`,
          ]
          : [],
        `    iifname "${mesh}" ${towards(routing)} accept`,
        `    iifname ${
          set(ways)
        } oifname "${mesh}" ${family} saddr ${prefix} ct state established,related accept`,
        ...masquerade ? [] : [`    iifname ${set(ways)} oifname "${mesh}" ${family} saddr ${prefix} accept`],
      ];
    }),
  ];
}

/** A server at a private address is in a network that is not here; who asks it means whoever can answer. */
function namesRules(
  mesh: string,
  routings: readonly PlacedRouting[],
  resolver: IpAddress,
): readonly string[] {
  const family = ip(resolver.family);
  const named = routings.filter(({ prefix, isForNames }) =>
    prefix.family === resolver.family && prefix.prefixBits > 0 && !isForNames
  ).map(({ prefix }) => prefix);
  const beside = routings.flatMap(({ except }) => except).filter((block) =>
    block.family === resolver.family && !PRIVATE[resolver.family].some((other) => overlaps(other, block))
  );
  const asked = `iifname "${mesh}" ${family} daddr { ${
    [...PRIVATE[resolver.family], ...beside].join(", ")
  } }`;
  return [
    `    iifname "${mesh}" fib daddr type local accept`,
    ...named.length === 0 ? [] : [`    iifname "${mesh}" ${family} daddr { ${named.join(", ")} } accept`],
    `    ${asked} meta l4proto { tcp, udp } th dport 53 dnat ${family} to ${resolver}`,
  ];
}

/** RFC 1918, RFC 6598, RFC 3927; RFC 4193. */
const PRIVATE: Readonly<Record<IpFamily, readonly string[]>> = {
  4: ["10.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16"],
  6: ["fc00::/7"],
};

function overlaps(text: string, block: Cidr): boolean {
  return Cidr.parse(text)?.overlaps(block) ?? false;
}

function towards({ prefix, ways, isForNames }: PlacedRouting): string {
  const port = isForNames ? " meta l4proto { tcp, udp } th dport 53" : "";
  return `${ip(prefix.family)} daddr ${prefix} oifname ${set(ways)}${port}`;
}

function openedRules(family: string, opened: readonly string[]): readonly string[] {
  if (opened.length === 0) return [];
  return [`    meta ${family} iifname ${set(opened)} counter drop comment "forwarded nothing before"`];
}

/** @returns a set as nft reads it; names of interfaces have been checked, and hold no quotes */
function set(names: readonly string[]): string {
  return `{ ${names.map((name) => `"${name}"`).join(", ")} }`;
}

function ip(family: IpFamily): string {
  return family === 4 ? "ip" : "ip6";
}

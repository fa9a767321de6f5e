/**
 * Where this node can be reached, and which endpoints of a member are worth a try, in which order.
 * @module
 */

import project from "../../deno.json" with { type: "json" };
import type { AgentOptions } from "../config/mod.ts";
import {
  MAX_STATED_URLS,
  type Member,
  type MeshState,
  type NodeId,
  type OwnStatement,
  type Signed,
} from "../mesh/mod.ts";
import { Cidr, Endpoint, IpAddress, WebAddress } from "../net/mod.ts";
import type { Candidate } from "../path/mod.ts";
import { mayBeTried, type OwnHost } from "./endpoint_filter.ts";
import type { NamedEndpoints } from "./named_endpoints.ts";

/** More than this many addresses are not worth a peer's time. */
const MAX_ENDPOINTS = 8;

/** What runs here; what others read of it is short. */
const OWN_SOFTWARE = {
  release: project.version.slice(0, 32),
  system: `${Deno.build.os} ${Deno.build.arch}`.slice(0, 32),
} as const;

/** This node's endpoints in gateways before it: a gateway may give UDP and TCP different ports. */
export interface MappedEndpoints {
  /** Of the packet plane, by UDP. */
  readonly packets: readonly Endpoint[];
  /** Of the message plane, by TCP. */
  readonly channels: readonly Endpoint[];
}

const NOTHING_MAPPED: MappedEndpoints = { packets: [], channels: [] };

/** Knows the networks that this host is in, what members state of themselves, and where discovery has found them. */
export class EndpointSelector {
  readonly #mesh: MeshState;
  readonly #options: AgentOptions;
  readonly #named: NamedEndpoints | undefined;
  /** This host's addresses and the networks that it is in by them, as of the last look. */
  #addresses: readonly IpAddress[] = [];
  #prefixes: readonly Cidr[] = [];
  /** Whether this node states that it is on the loopback, as of the last look. */
  #isOnLoopback = false;
  /** What this process has drawn when it started, see `InstanceWatch`; set before the first statement. */
  instance: string | undefined;
  /** Tells where discovery has found a member, the best first; set while it runs. */
  foundEndpoints: (nodeId: NodeId) => readonly Endpoint[] = () => [];

  /** The names of this host's devices that lead into overlay networks, not to the host; set while there are some. */
  overlayDevices: () => ReadonlySet<string> = () => new Set();

  /** The networks that this host reaches through members now; set while there may be some. */
  routedPrefixes: () => readonly Cidr[] = () => [];

  /** Tells where gateways let others reach this node; set while they are asked for it. */
  mappedEndpoints: () => MappedEndpoints = () => NOTHING_MAPPED;
  /** Whether a device leads into the overlay or one of its networks. */
  readonly isOwnDevice = (name: string): boolean =>
    name === this.#options.interfaceName || this.overlayDevices().has(name);

  /** @param named knows the addresses of the endpoints that the options tell by name */
  constructor(mesh: MeshState, options: AgentOptions, named?: NamedEndpoints) {
    this.#mesh = mesh;
    this.#named = named;
    this.#options = options;
  }

  /** Of this host, where nobody else of the mesh is. */
  get #ports(): ReadonlySet<number> {
    const { port, statusPort, offers } = this.#options;
    const offered = offers.map(({ targetPort }) => targetPort);
    return new Set([port, ...offered, ...statusPort === "off" ? [] : [statusPort]]);
  }

  /** The networks of the overlay. */
  get overlay(): readonly Cidr[] {
    const { cidr, ipv6Cidr } = this.#mesh;
    return ipv6Cidr === undefined ? [cidr] : [cidr, ipv6Cidr];
  }

  /**
   * Looks where this host is now.
   * @param isAnew whether the others are told in any case
   * @returns a statement for the others, if that has changed, or the last one is a day old
   */
  updateStatement(isAnew = false): Signed | undefined {
    const { interfaceName } = this.#options;
    this.#named?.lookWhenDue();
    const devices = this.overlayDevices();
    const own = interfaceAddresses().filter(({ name }) => name !== interfaceName && !devices.has(name));
    this.#addresses = own.map(({ address }) => IpAddress.parse(address))
      .filter((address) => address !== undefined);
    this.#prefixes = own.map(({ cidr }) => Cidr.parse(cidr))
      .filter((cidr) => cidr !== undefined);
    const statement = this.own();
    this.#isOnLoopback = statement.endpoints.some(({ address }) => address.isLoopback);
    return this.#mesh.state(statement, isAnew);
  }

  /** @returns whether what is sent there goes through the mesh, so that nothing that carries the mesh can be there */
  isOverMesh(address: IpAddress): boolean {
    return [...this.overlay, ...this.routedPrefixes()].some((prefix) => prefix.contains(address));
  }

  /** @returns what this node says of itself; labels as it said them before, when its options say none */
  own(): OwnStatement {
    const stated = ownStatement(this.#options, this.#named, this.overlayDevices(), this.mappedEndpoints());
    const { instance } = this;
    const relays = mayRelay(this.#options, this.#mesh.role);
    const own = { ...stated, relays, ...instance !== undefined && { instance } };
    if (Object.keys(own.labels).length > 0) return own;
    const { roster, identity } = this.#mesh;
    return { ...own, labels: roster.get(identity.id)?.statement?.labels ?? {} };
  }

  /** @returns where the message plane of a member may be, in the order in which the endpoints are worth a try */
  channelEndpoints({ record: { nodeId }, statement }: Member): Endpoint[] {
    return this.#candidates(statement?.channelEndpoints ?? [], nodeId);
  }

  /** @returns where the packet plane of a member or device may be, likewise; nowhere when it says that it has none */
  tunnelEndpoints({ record: { nodeId, endpoint }, statement }: Member): Endpoint[] {
    if (statement?.isRootless) return [];
    return this.#candidates(statement?.endpoints ?? (endpoint === undefined ? [] : [endpoint]), nodeId);
  }

  /** @returns which of the endpoints that somebody names for a member are worth a packet, near ones first */
  worthATry(endpoints: readonly Endpoint[]): Endpoint[] {
    const host = this.#host();
    const usable = endpoints.filter((endpoint) => mayBeTried(endpoint, host, false));
    return orderCandidates(usable, { underlay: this.#prefixes, overlay: this.overlay });
  }

  /** @returns the ways to the packet plane of a member, the near ones marked */
  pathCandidates(member: Member): Candidate[] {
    return this.tunnelEndpoints(member).map((endpoint) => ({
      endpoint,
      kind: "direct",
      isNear: this.#prefixes.some((prefix) => prefix.contains(endpoint.address)),
    }));
  }

  /** Within reach first, and among equals what a member states, for that is signed. */
  #candidates(stated: readonly Endpoint[], nodeId: NodeId): Endpoint[] {
    const host = this.#host();
    const usable = stated.filter((endpoint) => mayBeTried(endpoint, host, false));
    const others = this.foundEndpoints(nodeId).filter((endpoint) =>
      !usable.some((other) => other.equals(endpoint)) && mayBeTried(endpoint, host, true)
    );
    return orderCandidates([...usable, ...others], { underlay: this.#prefixes, overlay: this.overlay });
  }

  #host(): OwnHost {
    return {
      addresses: this.#addresses,
      prefixes: this.#prefixes,
      overlay: this.overlay,
      routed: this.routedPrefixes(),
      ports: this.#ports,
      meetsOnLoopback: () => this.#isOnLoopback || this.#isLeaderOnLoopback(),
    };
  }

  /** Leaders are believed: whoever made the network on one host named the loopback in its token. */
  #isLeaderOnLoopback(): boolean {
    const { roster } = this.#mesh;
    for (const { nodeId, roles } of roster.linkableRecords()) {
      if (!roles.includes("leader")) continue;
      const { channelEndpoints = [] } = roster.linkable(nodeId)?.statement ?? {};
      if (channelEndpoints.some(({ address }) => address.isLoopback)) return true;
    }
    return false;
  }
}

/** Whether a node carries packets between other members: leaders do unless told, since members have to reach them anyway. */
export function mayRelay({ relay }: Pick<AgentOptions, "relay">, role: MeshState["role"]): boolean {
  return relay === "on" || (relay === "auto" && role === "leader");
}

/** @param overlayDevices interfaces that do not lead to this host @returns what this node says of itself */
export function ownStatement(
  options: AgentOptions,
  named?: NamedEndpoints,
  overlayDevices?: ReadonlySet<string>,
  mapped: MappedEndpoints = NOTHING_MAPPED,
): OwnStatement {
  const { labels, rootless: isRootless } = options;
  const channelEndpoints = ownEndpoints(options, named, overlayDevices, mapped.channels);
  // Nodes of the former release know no more than that there is no endpoint, and begin no handshake either.
  const endpoints = isRootless ? [] : ownEndpoints(options, named, overlayDevices, mapped.packets);
  const urls = options.endpoints.filter((one) => one instanceof WebAddress).slice(0, MAX_STATED_URLS);
  return { endpoints, channelEndpoints, urls, labels, isRootless, ...OWN_SOFTWARE };
}

/**
 * @param mapped where a gateway lets others reach one of both planes
 * @returns the endpoints of that plane: those that the options name, the mapped ones, then those of this host, which
 * whoever is in its network prefers
 */
export function ownEndpoints(
  { endpoints: told, port, interfaceName }: AgentOptions,
  named?: NamedEndpoints,
  overlayDevices: ReadonlySet<string> = new Set(),
  mapped: readonly Endpoint[] = [],
): Endpoint[] {
  const addresses = interfaceAddresses().filter(({ name }) => !overlayDevices.has(name));
  const local = localEndpoints(addresses, port, interfaceName);
  const endpoints = told.flatMap((one) =>
    one instanceof Endpoint ? [one] : one instanceof WebAddress ? [] : named?.of(one) ?? []
  );
  const all = [...endpoints, ...mapped, ...local];
  return all.filter((one, i) => all.findIndex((other) => other.equals(one)) === i);
}

function interfaceAddresses(): Deno.NetworkInterfaceInfo[] {
  try {
    return Deno.networkInterfaces();
  } catch (error) {
    // A program that may not look dials others, and is found where its options say.
    if (error instanceof Deno.errors.NotCapable) return [];
    throw error;
  }
}

/**
 * Chooses the endpoints to advertise: every global address first, loopback only when the host has nothing else;
 * never link-local ones (they mean nothing elsewhere) and never those of the overlay's own interface.
 *
 * @param port the port of both planes
 * @param overlayInterface the interface to leave out
 */
export function localEndpoints(
  addresses: readonly Pick<Deno.NetworkInterfaceInfo, "name" | "address">[],
  port: number,
  overlayInterface: string,
): Endpoint[] {
  const usable: IpAddress[] = [];
  const loopback: IpAddress[] = [];
  for (const { name, address } of addresses) {
    const parsed = IpAddress.parse(address);
    if (parsed === undefined || name === overlayInterface) continue;
    if (parsed.isLoopback) loopback.push(parsed);
    else if (!parsed.isLinkLocal && !parsed.isMulticast && !parsed.isUnspecified) usable.push(parsed);
  }
  const chosen = usable.length > 0 ? usable : loopback;
  return chosen
    .toSorted((a, b) => a.family - b.family)
    .slice(0, MAX_ENDPOINTS)
    .map((address) => new Endpoint(address, port));
}

/**
 * Puts the endpoints of a peer in the order in which they are worth a try: those in a prefix that this host
 * shares come first, the rest keeps its order. What leads into the overlay leads around in a circle and is left out.
 *
 * @param networks of the host's interfaces without the overlay's, and of the overlay
 */
export function orderCandidates(
  candidates: readonly Endpoint[],
  { underlay, overlay }: { readonly underlay: readonly Cidr[]; readonly overlay: readonly Cidr[] },
): Endpoint[] {
  const isIn = (prefixes: readonly Cidr[], { address }: Endpoint): boolean =>
    prefixes.some((prefix) => prefix.contains(address));
  const outside = candidates.filter((candidate) => !isIn(overlay, candidate));
  const near = outside.filter((candidate) => isIn(underlay, candidate));
  return [...near, ...outside.filter((candidate) => !near.includes(candidate))];
}

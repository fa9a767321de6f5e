/**
 * How a host can be reached: what `weft netcheck` asks, and the answer.
 * @module
 */

/** What to ask beside this host itself. */
export interface NetcheckRequest {
  /** Servers of STUN, `HOST:PORT`, at most 16; those of the node's options unless given. */
  readonly stunServers?: readonly string[];
}

/** One version of IP on a host. */
export interface FamilyReport {
  /** Whether there is a way to the Internet: a default route, or for IPv6 a global address. */
  readonly isThere: boolean;
  /** The host's own addresses, without loopback, link-local ones and those of the overlay. */
  readonly addresses: readonly string[];
  /** The router of the default route. */
  readonly gateway?: string;
}

/** What a router was brought to. */
export interface GatewayReport {
  /** Its address in the host's own network. */
  readonly gateway: string;
  /** Whether it is being asked, has opened the port, or has not. */
  readonly state: "asking" | "mapped" | "unmapped";
  /** By which protocol, once it is mapped. */
  readonly protocol?: "pcp" | "nat-pmp" | "upnp";
  /** Where the port is reached from outside, by UDP. */
  readonly udp?: string;
  /** Where it is reached from outside, by TCP. */
  readonly tcp?: string;
  /** Why not, by protocol: `no-answer`, `unsupported`, `refused`, `nonsense`, `not-public`. */
  readonly failures?: Readonly<Record<string, string>>;
  /** What the router calls its own address, when nobody on the Internet reaches it: there is another NAT behind it. */
  readonly privateAddress?: string;
}

/** What a STUN server has said. */
export interface StunServerReport {
  /** Its address and port. */
  readonly server: string;
  /** Where it saw this host; absent when it did not answer. */
  readonly mapped?: string;
  /** The round trip in milliseconds; null when it did not answer. */
  readonly rttMs: number | null;
}

/** How far a leader is. */
export interface LeaderDistance {
  /** The name within the network. */
  readonly name: string;
  /** As in `weft peers`. */
  readonly path: "direct" | "relay" | "carrier" | "channel" | "hub" | "none";
  /** The round trip in milliseconds; null when it is not known. */
  readonly rttMs: number | null;
}

/** How this host can be reached. */
export interface NetcheckReport {
  /** Whether datagrams are answered from outside; null when nobody was asked. */
  readonly udp: boolean | null;
  /** IPv4 on this host. */
  readonly ipv4: FamilyReport;
  /** IPv6 on this host. */
  readonly ipv6: FamilyReport;
  /** The routers that were asked to open a port: none when the host needs none, or the options say so. */
  readonly portMapping: readonly GatewayReport[];
  /** In the order in which they have answered. */
  readonly stun: readonly StunServerReport[];
  /** Whether the NAT shows one socket to two destinations as two endpoints; null unless two servers have said so. */
  readonly mappingVaries: boolean | null;
  /** Whether the NAT leads back what a host of its own sends to its outside; null when that could not be tried. */
  readonly hairpin: boolean | null;
  /** The HTTP proxy that the environment names, without who may use it; null for none. */
  readonly proxy: string | null;
  /** Absent when no agent runs. */
  readonly leaders?: readonly LeaderDistance[];
}

/** The operations. */
export interface ReachControl {
  /** Finds out how this host can be reached, which takes some seconds. */
  netcheck(request: NetcheckRequest): Promise<NetcheckReport>;
}

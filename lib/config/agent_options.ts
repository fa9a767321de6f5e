/**
 * Everything that an agent can be told at its start.
 * @module
 */

import type { LogCategory, LogLevel } from "../base/mod.ts";
import type { Cidr, Endpoint, IpAddress, WebAddress } from "../net/mod.ts";
import type { DeclaredEndpoint, DeclaredNetwork } from "./declared_networks.ts";
import type {
  DhtBootstrapOption,
  DnsForwardOption,
  NamedEndpointOption,
  OfferOption,
  PortRangeOption,
} from "./compound_options.ts";
import type { StatusAddress } from "./field_schemas.ts";

/** How lines of the log are written: as a person reads them, or as JSON, an object a line. */
export type LogFormat = "text" | "json";

/** Everything that an agent can be told at its start. */
export interface AgentOptions {
  /** The directory of the database and the control socket. */
  readonly stateDir: string;
  /** A DNS label; the host's own name when absent. */
  readonly name?: string;
  /**
   * For how long this node may be away before leaders remove it, in milliseconds, which it says when it joins; it leaves
   * when it stops. `off` for a node that stays a member.
   */
  readonly ephemeral: number | "off";
  /** The overlay address that it asks for when it joins, which its token has to allow; any when absent. */
  readonly address?: IpAddress;
  /** The network of a new leader; members are told theirs. */
  readonly cidr?: Cidr;
  /** UDP and TCP port of both planes, 1 to 65535. */
  readonly port: number;
  /** The name of the interface to make, `weft0` unless told. */
  readonly interfaceName: string;
  /** The largest packet through the interface, 576 to 65455 bytes. */
  readonly mtuBytes: number;
  /** How packets travel: the fastest way that runs here, or one of them. */
  readonly dataplane: "auto" | "fast" | "portable";
  /** What seals packets on the fast data plane: the fastest that answers right, or what is named and runs. */
  readonly cipher: "auto" | "native" | "baseline" | "noble";
  /** How many threads carry packets on the fast data plane: as many as help here, or 1 to 16. */
  readonly workers: "auto" | number;
  /** The message plane only: no TUN, no FFI, no privileges. */
  readonly rootless: boolean;
  /** Whether this node calls out to its neighbours and listens to them. */
  readonly discovery: boolean;
  /** Whom it calls beside its neighbours, by UDP. */
  readonly discoveryPeers: readonly Endpoint[];
  /** Whether this node is announced in the BitTorrent DHT, and looks there for others. */
  readonly discoveryDht: boolean;
  /** By whom it enters the DHT. */
  readonly discoveryDhtBootstrap: readonly DhtBootstrapOption[];
  /** Whether the gateway before this host is asked to open the node's port: as far as it needs one, or not at all. */
  readonly portMapping: "auto" | "off";
  /** Servers of STUN that tell how this host looks from the Internet; nobody is asked unless one is named. */
  readonly stunServers: readonly (Endpoint | NamedEndpointOption)[];
  /** Where others can reach this node, beside what it finds out itself; names are looked up as long as it runs. */
  readonly endpoints: readonly (Endpoint | NamedEndpointOption | WebAddress)[];
  /** Where the status page listens; beyond the loopback it asks for a token. */
  readonly statusAddress: readonly StatusAddress[];
  /** 0 for any free port; `off` for no status page. */
  readonly statusPort: number | "off";
  /** By which names and addresses it may be called there, beside the node's own: `weft.example.com`, `192.0.2.7`. */
  readonly statusNames: readonly string[];
  /** A file with the token that it asks for; one in the state unless given. */
  readonly statusTokenFile?: string;
  /** What this node says of itself; on the one that starts a network, the network says it. */
  readonly labels: Readonly<Record<string, string>>;
  /** Whether names are served: `auto` unless rootless. */
  readonly dns: "auto" | "on" | "off";
  /** Where the name server listens on the node's overlay addresses, UDP and TCP, each 1 to 65535. */
  readonly dnsPorts: readonly number[];
  /** A domain name with its final dot. */
  readonly dnsZone: string;
  /** Whom the name server asks for names of other zones. */
  readonly dnsForward: readonly DnsForwardOption[];
  /** How this host's own resolver is pointed at the zone: what is in use here, one of them, or not at all. */
  readonly dnsResolver: "auto" | "resolved" | "resolv.conf" | "off";
  /** How long others may keep the names of members, in seconds. */
  readonly dnsTtlSeconds: number;
  /** How long others may keep the names of services and `leader`, in seconds. */
  readonly dnsServiceTtlSeconds: number;
  /** TCP services of this machine that members may reach at ports of this node. */
  readonly offers: readonly OfferOption[];
  /** A selector of those who reach all TCP ports of this node's address by their channel; nobody when absent. */
  readonly forwardAllow?: string;
  /** Whether this node carries sealed packets between members that can't reach each other: `auto` if it leads. */
  readonly relay: "auto" | "on" | "off";
  /** The UDP ports by which it does; any free ones when absent. */
  readonly relayPorts?: PortRangeOption;
  /** How much it carries in all, in megabits a second; `off` for no limit. */
  readonly relayLimitMbit: number | "off";
  /** How much it carries for any two members, likewise. */
  readonly relaySessionLimitMbit: number | "off";
  /** Servers of NATS JetStream that keep new collections, as `nats://HOST:PORT`; this node's state unless given. */
  readonly data?: string;
  /** A file with what lets in there. */
  readonly dataCredentials?: string;
  /** A file with certificates of who vouches for those servers. */
  readonly dataAuthority?: string;
  /** A file with the certificate by which this node proves there who it is; given with `dataKey`, or not at all. */
  readonly dataCertificate?: string;
  /** A file with the private key of that certificate. */
  readonly dataKey?: string;
  /** Overlay networks that a leader makes at its start when there are none of their names. */
  readonly networks: readonly DeclaredNetwork[];
  /** Endpoints in overlay networks that this node adds at its start when it has none of their names. */
  readonly networkEndpoints: readonly DeclaredEndpoint[];
  /** A file with the policy that a leader puts in force at its start; none unless given. */
  readonly policy?: string;
  /** What `weft backup` seals for where it is given nothing else: the half of a recovery key that seals. */
  readonly recoveryKey?: string;
  /** How much of the log is shown. */
  readonly logLevel: LogLevel;
  /** Of parts that are to say more, or less, than that. */
  readonly logCategories: Readonly<Partial<Record<LogCategory, LogLevel>>>;
  /** How it is written. */
  readonly logFormat: LogFormat;
  /** Protocol times that tests shorten, in milliseconds by name. */
  readonly testTimers: Readonly<Record<string, number>>;
  /** Protocol versions that tests have a node speak, as `2` or `2-3`, by protocol. */
  readonly testProtocols: Readonly<Record<string, string>>;
}

/** What an option may be given as: its own type, or the text that stands for it. */
export type AgentOptionsInput =
  & { readonly [Key in Exclude<keyof AgentOptions, "ephemeral">]?: AgentOptions[Key] | string | undefined }
  /** `true` stands for ten minutes. */
  & { readonly ephemeral?: AgentOptions["ephemeral"] | string | boolean | undefined }
  /** The name of `cipher` in earlier versions. */
  & { readonly kernel?: AgentOptions["cipher"] | undefined };

/**
 * What an agent says of itself: the documented JSON of `GET /status` and `weft status --json`.
 * @module
 */

import type { NetworkReport } from "./overlay.ts";
import type { GatewayReport, PathReport, ReachReport } from "./reach/mod.ts";

/** How the calls of one action went, on one side of them. */
export interface CallStatsReport {
  /** The service's path; empty for all actions together that have no figures of their own. */
  readonly service: string;
  /** The action's name; empty as the service's path is. */
  readonly action: string;
  /** `caller`: this node and its programs have called it; `provider`: they have served it, whoever called. */
  readonly side: "caller" | "provider";
  /** How many have ended since the start; one that is answered by a stream has when that begins. */
  readonly calls: number;
  /** How many of them have failed. */
  readonly errors: number;
  /** Calls a second in the last 30 to 60 seconds. */
  readonly rate: number;
  /** How many of those have failed a second; absent from agents of a former release. */
  readonly errorRate?: number;
  /** The median of how long those took, in milliseconds, from a histogram; null when there were none. */
  readonly p50Ms: number | null;
  /** What 99 of 100 of them took at most, in milliseconds; null when there were none. */
  readonly p99Ms: number | null;
}

/** What the status says of services. */
export interface ServicesReport {
  /** How many services are known, wherever they run. */
  readonly services: number;
  /** Pairs of a node and a service that it offers: healthy are those that run, on a node that answers. */
  readonly providers: { readonly healthy: number; readonly unhealthy: number };
  /** Calls that wait for an answer, and calls of others that run here. */
  readonly calls: { readonly pending: number; readonly running: number };
  /** Of the 64 busiest actions, those of both sides together; absent from agents of a former release. */
  readonly callStats?: readonly CallStatsReport[];
  /** Programs of this machine that are attached. */
  readonly programs: number;
  /** Messages that could not be read. */
  readonly rejected: number;
  /**
   * What the network does not let its members do: services and subscriptions that they advertise now and that are left out,
   * and events that were not delivered because their publishers may not publish them.
   */
  readonly refused: { readonly adverts: number; readonly events: number };
  /** Providers whose circuit breaker is open, so that no calls go to them. */
  readonly openBreakers: number;
  /** What others make this node hold, in bytes, and how often one of them was refused more of it. */
  readonly memory: { readonly usedBytes: number; readonly refused: number };
}

/** How one peer is doing, as this node sees it. */
export interface PeerReport {
  /** 32 hexadecimal digits for a member; absent for a plain WireGuard device. */
  readonly id?: string;
  /** The name within the network. */
  readonly name: string;
  /** The WireGuard public key, base64 as `wg` prints it. */
  readonly publicKey: string;
  /** `leader` and `member` run weft; `wireguard` is any other WireGuard device. */
  readonly roles: readonly string[];
  /** The release of weft that it runs, as it says itself; absent when it does not. */
  readonly version?: string;
  /** On which system, as it says itself: `linux x86_64`. */
  readonly system?: string;
  /** Where it says that it is, the best first, `address:port`; absent when it does not. */
  readonly endpoints?: readonly string[];
  /** What a leader or its token calls it. */
  readonly labels: Readonly<Record<string, string>>;
  /** What it calls itself, which authorises nothing; absent for nothing. */
  readonly statedLabels?: Readonly<Record<string, string>>;
  /** What it called itself under a former release, and no leader has confirmed; absent for nothing. */
  readonly unconfirmedLabels?: Readonly<Record<string, string>>;
  /** Overlay addresses. */
  readonly addresses: readonly string[];
  /** Of a device: the name of the member that it is reached through, null when that one is none any more or has no interface. */
  readonly hub?: string | null;
  /**
   * What the packet plane accepts from and sends to this peer, in CIDR notation; of a device that is reached through another
   * node, what that one does.
   */
  readonly allowedIps: readonly string[];
  /** Where datagrams are sent now, `address:port`. */
  readonly endpoint?: string;
  /** Milliseconds since the last completed WireGuard handshake; null when there was none. */
  readonly lastHandshakeAgeMs: number | null;
  /** Bytes of datagrams received from and sent to the peer. */
  readonly rxBytes: number;
  /** Bytes of datagrams sent to the peer. */
  readonly txBytes: number;
  /** Whether a channel of the message plane is open. */
  readonly channel: "open" | "dialing" | "closed";
  /** Why no channel can be open: the two releases speak no version of a protocol in common. Absent where there is no such reason. */
  readonly conflict?: VersionConflictReport;
  /**
   * How it answers: through the tunnel, whose packets take a `direct` path, a `relay` or a `carrier`, by a `channel` of the
   * message plane alone, through the `hub` of a device, or not at all.
   */
  readonly path: "direct" | "relay" | "carrier" | "channel" | "hub" | "none";
  /** The way that packets to it take; absent for plain devices, and from agents of a former release. */
  readonly way?: PathReport;
  /** Round trip of the last answered probe in milliseconds; null when none was answered. */
  readonly rttMs: number | null;
  /** Of the last 20 probes, how many had no answer, in percent; null before the first one has ended. */
  readonly lossPercent: number | null;
  /** Probes in a row without an answer. */
  readonly failureCount: number;
  /**
   * A handshake or an answered probe under 180 s old, and not two probes missed in a row since it answers any; not who answers
   * by a channel alone although packets are meant to reach it; of a device that is reached through another node, whether that
   * one is healthy.
   */
  readonly healthy: boolean;
  /** 0 (unhealthy) to 100: 100 - 60 × loss - 30 × slowness beyond 50 ms - 10 when the last probe was missed. */
  readonly score: number;
  /** When this node or a leader last heard of it, in milliseconds since 1970; absent when nobody ever did. */
  readonly lastSeenMs?: number;
  /** Whether it does not answer, has no channel, and was not heard of for three minutes. */
  readonly isAway: boolean;
}

/** Two nodes that speak no version of a protocol in common. */
export interface VersionConflictReport {
  /** Who speaks which versions of what, as in `web-1 speaks version 2 of the protocol mesh, this node version 1`. */
  readonly problem: string;
  /** Which of them to upgrade, a sentence. */
  readonly hint: string;
}

/** How the packet plane runs. */
export interface DataplaneReport {
  /**
   * `fast`: a worker on raw descriptors, with offloads; `portable`: TUN and the runtime's own sockets; `rootless`: no
   * packet plane.
   */
  readonly kind: "fast" | "portable" | "rootless";
  /** Such as `weft0`; absent when rootless. */
  readonly interfaceName?: string;
  /** The largest packet through the interface, in bytes; absent when rootless. */
  readonly mtuBytes?: number;
  /** How packets are sealed. */
  readonly aead?: string;
  /** How many threads carry packets; absent when rootless. */
  readonly workers?: number;
  /** What the host does for many packets at once: some of `tso`, `uso`, `gso`, `gro`. */
  readonly offloads?: readonly string[];
}

/** How names are served. */
export interface DnsReport {
  /** With its final dot. */
  readonly zone: string;
  /** Where the zone is answered, over UDP and TCP. */
  readonly endpoints: readonly string[];
  /** `fast`: a worker with the system's own calls; `portable`: the runtime's sockets. */
  readonly sockets: "fast" | "portable";
  /** How this host is made to ask: by systemd-resolved, by /etc/resolv.conf, or not. */
  readonly resolver: "resolved" | "resolv.conf" | "off";
  /** Why it is not, when it was meant to be. */
  readonly problem?: string;
  /** What can be done about that. */
  readonly hint?: string;
  /** The servers that are asked for names of other zones; agents of a former release do not say. */
  readonly upstreams?: readonly UpstreamReport[];
  /** Responses by code, and what was forwarded, refused and dropped by reason; what never happened is left out. */
  readonly counters: Readonly<Record<string, number>>;
}

/** A server that this node's name server asks for names of other zones. */
export interface UpstreamReport {
  /** It is asked for names at and below this, `.` for all that no longer suffix has. */
  readonly suffix: string;
  /** Address and port. */
  readonly server: string;
  /** Whether it answers; `unknown` until it was asked for the first time. */
  readonly state: "answers" | "silent" | "unknown";
}

/** A leader, as this node sees it. */
export interface LeaderReport {
  /** 32 hexadecimal digits. */
  readonly id: string;
  /** The name within the network. */
  readonly name: string;
  /** Overlay addresses. */
  readonly addresses: readonly string[];
  /** Heard in the last five seconds, or this node itself. */
  readonly alive: boolean;
  /** The one with the highest id of those that are alive. */
  readonly elected: boolean;
  /** Whether it is this node. */
  readonly self: boolean;
  /** Milliseconds since it was heard; null when it never was. */
  readonly lastHeardMs: number | null;
  /** Which addresses it gives out, `first-last`; only it knows. */
  readonly slices?: readonly string[];
}

/** Whether the network would outlive its leaders, as this node sees it. */
export interface LeadershipReport {
  /** How many leaders were heard of in the last day, this node included. */
  readonly present: number;
  /** When a recovery file was last made, in milliseconds since 1970; null when not in the last 90 days. */
  readonly lastExportMs: number | null;
  /** When a leader was last at work, by its own word, to a day; null before the first one says so. */
  readonly lastMarkMs: number | null;
  /** What is wrong with that, in a sentence; absent for nothing. */
  readonly problem?: string;
  /** What to do about it. */
  readonly hint?: string;
}

/** Whether an agent runs, for whoever watches processes. */
export interface HealthReport {
  readonly state: StatusReport["state"];
  readonly peers: { readonly healthy: number; readonly unhealthy: number };
}

/** What a node carries for members that can't reach each other. */
export interface RelayReport {
  /** How: by a thread of its own, or by the runtime's sockets. */
  readonly kind: "fast" | "portable";
  /** How many pairs of members it has ports for now. */
  readonly sessions: number;
  /** How many datagrams it has carried since it started. */
  readonly datagrams: number;
  /** Their length in bytes, without headers of UDP and IP. */
  readonly bytes: number;
  /** How many were dropped, by reason; reasons that never happened are left out. */
  readonly drops: Readonly<Record<string, number>>;
}

/** Something that works so far, and that a person should mend. */
export interface WarningReport {
  /**
   * `name`: two members had one name; `clone`: two machines have one key; `clock`: a clock is wrong; `membership`: members
   * do not know this node. More may follow.
   */
  readonly kind: string;
  /** What is so, in words. */
  readonly text: string;
  /** What to do about it. */
  readonly hint: string;
}

/** Everything that `weft status` and the page show. It never holds a key that is not public, a token or an environment variable. */
export interface StatusReport {
  /** The version of weft that runs. */
  readonly version: string;
  /** `running` between a start that has succeeded and a stop. */
  readonly state: "starting" | "running" | "stopping";
  /** Milliseconds since the start. */
  readonly uptimeMs: number;
  /** This node. */
  readonly node: {
    readonly id: string;
    readonly name: string;
    readonly publicKey: string;
    readonly role: "leader" | "member";
    readonly addresses: readonly string[];
    /** As those of peers. */
    readonly labels: Readonly<Record<string, string>>;
    readonly statedLabels: Readonly<Record<string, string>>;
    readonly unconfirmedLabels?: Readonly<Record<string, string>>;
    readonly listenPort: number;
    readonly endpoints: readonly string[];
  };
  /** The network that it belongs to. */
  readonly network: {
    readonly id: string;
    readonly cidr: string;
    readonly members: number;
  };
  /** The highest id first. */
  readonly leaders: readonly LeaderReport[];
  /** What a person should mend; absent when there is nothing, and from agents of a former release. */
  readonly warnings?: readonly WarningReport[];
  /** Absent from agents of a former release. */
  readonly leadership?: LeadershipReport;
  /** How far the clocks of linked members are ahead of this one, their median in milliseconds; null without links. */
  readonly clockSkewMs: number | null;
  /** How this node can be reached; absent without a packet plane, and from agents of a former release. */
  readonly reach?: ReachReport;
  /** How packets travel. */
  readonly dataplane: DataplaneReport;
  /** Absent when no names are served. */
  readonly dns?: DnsReport;
  /** Absent when discovery is off. */
  readonly discovery?: {
    /** By which ways this node announces itself: `multicast`, `broadcast`, `static`. */
    readonly providers: readonly string[];
    /** How many nodes of the network were heard in the last two minutes. */
    readonly heard: number;
  };
  /** Absent unless this node is in the BitTorrent DHT. */
  readonly dht?: {
    /** How many nodes of the DHT answered in the last round, at most 8. */
    readonly contacts: number;
  };
  /** Absent unless this node carries packets for others. */
  readonly relay?: RelayReport;
  /** The routers that are asked to open this node's port; absent when none is. */
  readonly portMapping?: readonly GatewayReport[];
  /** What is offered and called. */
  readonly services: ServicesReport;
  /** Overlay networks, with the endpoints of this host. */
  readonly networks: readonly NetworkReport[];
  /** Every other member and device. */
  readonly peers: readonly PeerReport[];
  /** How many datagrams and packets were dropped, by reason; reasons that never happened are left out. */
  readonly drops: Readonly<Record<string, number>>;
  /** How many records of others were refused, by reason; reasons that never happened are left out. */
  readonly refused: Readonly<Record<string, number>>;
}

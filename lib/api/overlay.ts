/**
 * What may be asked about overlay networks and their endpoints.
 * @module
 */

/** An overlay network to make; what is absent is chosen. */
export interface NetworkRequest {
  /** One label, as in `blue`. */
  readonly name: string;
  /** The driver; `vxlan` unless told. */
  readonly type?: string;
  /** VNI, key, VSID, label or VID; the lowest free one of the driver unless told. */
  readonly identifier?: number;
  /** Blocks in CIDR notation, one of each family at most; absent for none. */
  readonly cidrs?: readonly string[];
  /** The longest IP packet inside, in bytes; what the underlay leaves unless told. */
  readonly mtuBytes?: number;
  /** Inside the mesh unless told, or in the clear. */
  readonly underlay?: "mesh" | "plain";
  /** Of a plain underlay: hosts that are no members, by address. */
  readonly remotes?: readonly string[];
  /** Of a plain underlay: the multicast group that stands for all hosts. */
  readonly group?: string;
  /** Of a plain underlay: the interfaces that hosts use, the first that a host has. */
  readonly interfaces?: readonly string[];
  /** Of a plain underlay: another UDP port than the driver's. */
  readonly port?: number;
  /** Of a plain underlay: how far packets go. */
  readonly hopLimit?: number;
  /** A selector of members that may have endpoints; all unless told. */
  readonly members?: string;
  /** The member that leads out of the network, by name, id, key or address; none unless told. */
  readonly gateway?: string;
  /** The driver's options. */
  readonly options?: Readonly<Record<string, string>>;
  /** Frames to everybody, to groups or to unknown addresses that a port may send in a second. */
  readonly stormLimit?: number;
}

/** What of a network is to be otherwise; absent stays as it is. */
export interface NetworkChange {
  /** The network's name or id. */
  readonly network: string;
  /** 0 for what the underlay leaves. */
  readonly mtuBytes?: number;
  /** Of a plain underlay: all of them. */
  readonly remotes?: readonly string[];
  /** Empty for all. */
  readonly members?: string;
  /** Empty for none. */
  readonly gateway?: string;
  /** Whether frames are carried. */
  readonly isActive?: boolean;
  /** 0 for the usual. */
  readonly stormLimit?: number;
}

/** An endpoint of this node to make; what is absent is chosen. */
export interface EndpointRequest {
  /** The network's name or id. */
  readonly network: string;
  /** One label, as in `web-1`. */
  readonly name: string;
  /** Six bytes in hexadecimal with colons or hyphens. */
  readonly macAddress?: string;
  /** With or without prefix length, one of each family at most. */
  readonly ipAddresses?: readonly string[];
  /** The name of the TAP device; the endpoint's unless told. */
  readonly device?: string;
  /** The network namespace of the device: a name of `ip netns`, a path, or the number of a process. */
  readonly netns?: string;
  /** An interface of this host that is bridged in, in place of a TAP device. */
  readonly attach?: string;
  /** Whether frames may come from addresses that nobody has been given. */
  readonly allowsForeign?: boolean;
}

/** What was carried and dropped since the agent started. */
export interface FrameCountsReport {
  /** Frames that came from endpoints of this host. */
  readonly framesIn: number;
  /** Frames that went to endpoints of this host. */
  readonly framesOut: number;
  /** Bytes of the frames that came. */
  readonly bytesIn: number;
  /** Bytes of the frames that went. */
  readonly bytesOut: number;
  /** By reason. */
  readonly drops: Readonly<Record<string, number>>;
}

/** An endpoint, as the network's key has signed it; of this host's own also how it is doing. */
export interface OverlayEndpointReport {
  /** The network's name. */
  readonly network: string;
  /** One label. */
  readonly name: string;
  /** The name of the member that has it, or its id when it is none any more. */
  readonly node: string;
  /** Whether it is this node. */
  readonly isLocal: boolean;
  /** Six bytes in hexadecimal with colons. */
  readonly macAddress: string;
  /** With their prefix length. */
  readonly ipAddresses: readonly string[];
  /** Whether frames may come from addresses that nobody has been given. */
  readonly allowsForeign: boolean;
  /**
   * `remote` of another node's; `up`; `blocked` while it leads back to the network by another way; `failed` when there is no
   * device for it; `conflict` when its MAC or IP address is another endpoint's; `inactive` while its network is.
   */
  readonly state: "remote" | "up" | "blocked" | "failed" | "conflict" | "inactive";
  /** Why it is not up. */
  readonly problem?: string;
  /** What to do about it. */
  readonly hint?: string;
  /** Of this host's: the device. */
  readonly device?: string;
  /** Of this host's: the namespace. */
  readonly netns?: string;
  /** Of this host's: the interface that is bridged in. */
  readonly attach?: string;
  /** Of this host's: what it has carried. */
  readonly counts?: FrameCountsReport;
}

/** An overlay network, as the network's key has signed it, and how it is doing on this host. */
export interface NetworkReport {
  /** Tells it from another one that had the name before. */
  readonly id: string;
  /** One label. */
  readonly name: string;
  /** The driver. */
  readonly type: string;
  /** What tells networks apart on the wire. */
  readonly identifier: number;
  /** What the driver calls that: `VNI`. */
  readonly identifierName: string;
  /** In CIDR notation. */
  readonly cidrs: readonly string[];
  /** The longest IP packet inside. */
  readonly mtuBytes: number;
  /** Inside the mesh or in the clear. */
  readonly underlay: "mesh" | "plain";
  /** Whether frames are carried. */
  readonly isActive: boolean;
  /** The driver's. */
  readonly options: Readonly<Record<string, string>>;
  /** Of a plain underlay. */
  readonly remotes?: readonly string[];
  /** Of a plain underlay. */
  readonly group?: string;
  /** Of a plain underlay. */
  readonly interfaces?: readonly string[];
  /** Of a plain underlay, where it is not the driver's. */
  readonly port?: number;
  /** The selector of who may have endpoints; absent for all. */
  readonly members?: string;
  /** The name of the member that leads out; absent for none. */
  readonly gateway?: string;
  /** Frames to everybody that a port may send in a second; absent for the usual. */
  readonly stormLimit?: number;
  /** How many endpoints it has, wherever they are. */
  readonly endpointCount: number;
  /** All of them, sorted by name; in the status those of this host. */
  readonly endpoints: readonly OverlayEndpointReport[];
  /** What this host has carried; absent where it has no endpoint. */
  readonly counts?: FrameCountsReport;
  /** Why it does not work. */
  readonly problem?: string;
  /** What to do about it. */
  readonly hint?: string;
}

/** What may be asked of a running agent about overlay networks. */
export interface OverlayControl {
  /** All networks and their endpoints. @returns them sorted by name */
  listNetworks(): readonly NetworkReport[];
  /** Makes a network. Leaders only. @throws WeftError with code `DuplicateNetwork`, `UnknownDriver`, `IdentifierRange`, … */
  createNetwork(request: NetworkRequest): NetworkReport;
  /** Changes what of a network can change. Leaders only. @throws WeftError with code `UnknownNetwork`, … */
  changeNetwork(change: NetworkChange): NetworkReport;
  /** Takes a network back. Leaders only. @param force with its endpoints @throws WeftError with code `NetworkInUse`, … */
  deleteNetwork(network: string, force?: boolean): NetworkReport;
  /** Has a leader sign an endpoint of this node, and makes its device. @throws WeftError with code `DuplicateEndpoint`, … */
  addEndpoint(request: EndpointRequest): Promise<OverlayEndpointReport>;
  /** Takes an endpoint back: its own node's or, on a leader, any. @throws WeftError with code `UnknownEndpoint`, … */
  removeEndpoint(network: string, endpoint: string): Promise<OverlayEndpointReport>;
  /** Has another member have an endpoint, with its addresses. @throws WeftError with code `UnknownEndpoint`, … */
  moveEndpoint(network: string, endpoint: string, node: string): Promise<OverlayEndpointReport>;
}

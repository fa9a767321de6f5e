/**
 * What carries frames of overlay networks on this host, as the agent sees it: the fast plane in its worker, the portable
 * one on the main thread, also without a packet plane. Everything is plain data, since it may go to another thread; all
 * calls are synchronous turns.
 *
 *     endpoint (TAP, interface, program) ⇄ switch ⇄ driver ⇄ underlay (the mesh, UDP, IP, an Ethernet)
 *
 * @module
 */

/** What is below the driver's packets. */
export type PlaneUnderlay =
  /** Members' overlay addresses, through their sessions (or channels, to members without a packet plane). */
  | { readonly kind: "mesh" }
  /** This host's own network, in the clear. */
  | {
    readonly kind: "plain";
    /** The address to send from and to receive at; any when absent. */
    readonly localAddress?: string;
    /** The interface of the multicast group, and the one that a driver on a link uses. */
    readonly interfaceName?: string;
    /** Where the driver's usual port is not meant. */
    readonly port?: number;
    /** Stands for all remotes where frames are for everybody. */
    readonly group?: string;
    /** How far packets go; 64, to a group 1, unless given. */
    readonly hopLimit?: number;
  };

/** One network of this host. `network` is a number that the agent has chosen; the same number changes it. */
export interface PlaneNetwork {
  readonly network: number;
  /** As the status names it. */
  readonly name: string;
  readonly driver: string;
  readonly identifier: number;
  readonly options: Readonly<Record<string, string>>;
  readonly mtuBytes: number;
  readonly underlay: PlaneUnderlay;
  readonly gateway?: { readonly mac: string; readonly addresses: readonly string[] };
  readonly stormLimit?: number;
}

/** Where frames of a local endpoint go in and out. Descriptors do not block, and belong to whoever opened them. */
export type PortDevice =
  /** With virtio headers of 10 bytes where `hasHeader`, and superpackets as the offloads say. */
  | {
    readonly kind: "descriptor";
    readonly fd: number;
    readonly hasHeader: boolean;
    readonly offloads: { readonly tso: boolean; readonly uso: boolean };
    /** A packet socket needs other calls than a TAP. */
    readonly of: "tap" | "packet-socket" | "socket-pair";
  }
  /** A program in this thread; portable planes alone have it. */
  | { readonly kind: "program"; readonly id: number };

/** A local endpoint. `port` is a number that the agent has chosen. */
export interface PlanePort {
  readonly port: number;
  readonly network: number;
  readonly name: string;
  readonly allowsForeign: boolean;
  readonly device: PortDevice;
}

/** Another host with endpoints of the network. `port` is a number that the agent has chosen. */
export interface PlaneRemote {
  readonly port: number;
  readonly network: number;
  readonly allowsForeign: boolean;
  readonly via:
    /** A member with a packet plane: its key in base64, and its overlay address. */
    | { readonly kind: "member"; readonly publicKey: string; readonly address: string }
    /** A member without one: the agent carries packets over the message plane. */
    | { readonly kind: "channel"; readonly nodeId: string }
    /** A host of the plain underlay. */
    | { readonly kind: "plain"; readonly address: string };
}

/** Which port has which addresses, as the network's key has signed. */
export interface PlaneBinding {
  readonly network: number;
  readonly port: number;
  readonly mac: string;
  readonly addresses: readonly string[];
}

/** What was carried and dropped. */
export interface FrameCounts {
  /** Frames that came in at ports. */
  readonly framesIn: number;
  /** Frames that went out of ports. */
  readonly framesOut: number;
  /** Bytes of the frames that came in. */
  readonly bytesIn: number;
  /** Bytes of the frames that went out. */
  readonly bytesOut: number;
  /** By reason. */
  readonly drops: Readonly<Record<string, number>>;
}

/** What happens at a port, told unasked. */
export type PortEvent =
  /** The device is gone: deleted, or its namespace was. */
  | { readonly kind: "port-gone"; readonly port: number }
  /** `removePort` is done: nothing uses the device any more, and it can be closed. */
  | { readonly kind: "port-released"; readonly port: number }
  /** It was found to lead back to the network by another way, and is not used for so long. */
  | { readonly kind: "loop"; readonly port: number; readonly blockedMs: number }
  /** A network of a plain underlay cannot be carried: its sockets could not be opened. `setNetwork` tries again. */
  | {
    readonly kind: "underlay-failed";
    readonly network: number;
    readonly message: string;
    readonly hint?: string;
  }
  /** A packet of the network is for a member without a packet plane. */
  | { readonly kind: "channel-packet"; readonly nodeId: string; readonly packet: Uint8Array };

/** Carries frames between local endpoints and other hosts. */
export interface FramePlane {
  /** The addresses of this host in the mesh: where packets to members come from, and where theirs go to. */
  setOwnAddresses(addresses: readonly string[]): void;
  setNetwork(network: PlaneNetwork): void;
  removeNetwork(network: number): void;
  /** The same number changes a port, but for its device. */
  setPort(port: PlanePort): void;
  /** The event `port-released` says when nothing uses the device any more, once for each call. */
  removePort(port: number): void;
  setRemote(remote: PlaneRemote): void;
  removeRemote(port: number): void;
  setBinding(binding: PlaneBinding): void;
  removeBinding(network: number, mac: string): void;
  /** Hands in a packet that a member without a packet plane has sent by its channel, from the driver's header on. */
  receiveFromChannel(nodeId: string, packet: Uint8Array): void;
  /** @returns what a network has carried, all its ports together, and what was dropped */
  networkCounts(network: number): FrameCounts | undefined;
  /** @returns what a port has carried */
  portCounts(port: number): FrameCounts | undefined;
}

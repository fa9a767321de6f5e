/**
 * Where frames go between the ports of all networks on one host.
 *
 *     local port    an endpoint of this host: a TAP, a bridged interface, a program
 *     remote port   another host that has endpoints of the network, behind an underlay
 *
 * A frame from a remote port goes to local ports only (split horizon), so that nothing is flooded round and round.
 * @module
 */

import type { Millis } from "../../base/mod.ts";
import type { IpAddress, MacAddress } from "../../net/mod.ts";
import type { SwitchCounts } from "./frame_counts.ts";

/** One network, as the switch sees it. `network` is a number that this host has chosen. */
export interface SwitchNetwork {
  readonly network: number;
  /** As policies call it; nothing is asked of a gate about one without a name. */
  readonly name?: string;
  /** The longest IP packet inside. */
  readonly mtuBytes: number;
  /** The sender of ICMP errors, where the network has a gateway. */
  readonly gateway?: { readonly mac: MacAddress; readonly addresses: readonly IpAddress[] };
  /** How many frames to everybody, to groups or to unknown addresses a port may send in a second. */
  readonly stormLimit?: number;
  /** What the network is called on every host, so that a loop over two of them is found; without it one host's own are. */
  readonly label?: string;
}

/** A port of one network. `port` is a number that this host has chosen, different for each port of all networks. */
export interface SwitchPort {
  readonly port: number;
  readonly network: number;
  readonly side: "local" | "remote";
  /** Whether frames may come from addresses that nobody has been given: behind it is a bridge. */
  readonly allowsForeign: boolean;
}

/** Which port has a MAC address and IP addresses, as the network's key has signed. */
export interface SwitchBinding {
  readonly network: number;
  readonly port: number;
  readonly mac: MacAddress;
  readonly addresses: readonly IpAddress[];
}

/** What becomes of a frame. */
export const FORWARD = {
  /** It goes no further, and is counted. */
  DROP: 0,
  /** It goes to `Forwarding.port`. */
  ONE: 1,
  /** It goes to the first `Forwarding.count` of `Forwarding.ports`. */
  FLOOD: 2,
  /** The switch has answered it; `pollFrame` has what it says. */
  ANSWERED: 3,
} as const;

/** What `forward` decided; one object is used for all frames. */
export class Forwarding {
  action = 0;
  port = 0;
  count = 0;
  ports: Int32Array = new Int32Array(64);
}

/** A frame that the switch itself sends. */
export interface SwitchFrame {
  readonly port: number;
  readonly frame: Uint8Array;
  /** What stood before one that was held, such as its virtio header. */
  readonly before?: Uint8Array;
}

/** What happens at a port, told once. */
export type SwitchEvent =
  /** It leads back to the network by another way: nothing goes in or out for so long. */
  { readonly kind: "loop"; readonly port: number; readonly blockedMs: number };

/** The port of the switch, for those that carry frames. */
export interface FrameForwarder {
  setNetwork(network: SwitchNetwork): void;
  removeNetwork(network: number): void;
  setPort(port: SwitchPort): void;
  removePort(port: number): void;
  /** Says how long IP packets to a port may be where that is less than what the network has; undefined where it is not. */
  setPortMtu(port: number, mtuBytes: number | undefined): void;
  setBinding(binding: SwitchBinding): void;
  removeBinding(network: number, mac: MacAddress): void;
  /**
   * @param port where the frame came in
   * @param bytes holds the frame from `at` on; the frame may be a superpacket, whose checksums are not complete
   * @param longestBytes the longest packet that it is cut into, from behind the 14 bytes of the Ethernet header (a tag
   * inside counts too): `lengthBytes - 14`, but less for a superpacket
   */
  forward(
    now: Millis,
    port: number,
    bytes: Uint8Array,
    at: number,
    lengthBytes: number,
    longestBytes: number,
    out: Forwarding,
  ): void;
  /** @returns what the switch has to send itself, one frame a call, in memory that nobody else has */
  pollFrame(): SwitchFrame | undefined;
  /** Tells everybody in the network by ARP and ND where the addresses that are bound to a local port are now. */
  announce(port: number): void;
  /** @returns what has happened, one event a call */
  pollEvent(): SwitchEvent | undefined;
  /** @returns what a port has carried and dropped */
  portCounts(port: number): SwitchCounts | undefined;
  /** @returns what all ports of a network have carried and dropped together, those that are gone too */
  networkCounts(network: number): SwitchCounts | undefined;
  /**
   * @param bytes holds 4 or 16 bytes of an IP address, from `at` on
   * @returns whose address it is, for carriers of IP packets, whose frames have lost their MAC addresses
   */
  lookupAddress(
    network: number,
    bytes: Uint8Array,
    at: number,
    addressBytes: 4 | 16,
  ): SwitchBinding | undefined;
  /** Forgets what is too old; early and repeated calls are harmless. */
  handleTimeout(now: Millis): void;
  pollTimeout(): Millis | undefined;
}

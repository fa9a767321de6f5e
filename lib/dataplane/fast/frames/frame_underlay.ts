/**
 * What is below the drivers' packets, as a port inside of the worker: the mesh, or this host's own network.
 *
 * ```
 *   FrameEngine ── send: a frame ──▶ FrameUnderlay ── headers, cut, sent
 *   FrameEngine ◀── FrameSink ────── FrameUnderlay ◀─ receive: a descriptor is readable
 * ```
 * @module
 */

import type { Counters, Millis } from "../../../base/mod.ts";
import type { MacAddress } from "../../../net/mod.ts";
import type { DecodeFailure, Encapsulation, OverlayDriver } from "../../../overlay/mod.ts";
import type { PlaneNetwork, PlaneRemote } from "../../frames/mod.ts";
import type { FrameShape } from "./frame_shape.ts";

/** Why a frame is not carried, where the switch has no word for it; in the order of `FRAME_DROPS`. */
export type FrameDrop = `header-${DecodeFailure}` | typeof OWN_DROPS[number];

/** All that a driver may say of a header. */
export const DECODE_FAILURES: readonly DecodeFailure[] = [
  "truncated",
  "bad-version",
  "bad-flags",
  "bad-checksum",
  "unknown-protocol",
  "unknown-option",
  "no-identifier",
  "expired",
  "control-packet",
  "wrong-network",
];

const OWN_DROPS = [
  "malformed",
  "not-a-member",
  "from-host",
  "not-ip",
  "unknown-address",
  "no-remote",
  "channel-full",
  "port-full",
  "port-failed",
  "underlay-full",
  "underlay-failed",
  "too-long-for-path",
] as const;

/** All of them. */
export const FRAME_DROPS: readonly FrameDrop[] = [
  ...OWN_DROPS,
  ...DECODE_FAILURES.map((failure) => `header-${failure}` as const),
];

/** A network with what carries its frames. */
export interface CarriedNetwork {
  readonly definition: PlaneNetwork;
  readonly driver: OverlayDriver;
  readonly encapsulation: Encapsulation;
  /** Of the network's gateway, which sends what comes from outside into a network of IP packets. */
  readonly gatewayMac: MacAddress | undefined;
  /** What was not carried. */
  readonly drops: Counters<FrameDrop>;
}

/** Takes what other hosts send. */
export interface FrameSink {
  /**
   * Takes a frame in the cipher's memory; the 10 bytes before it may be overwritten. In one call of `receive` each frame
   * begins behind those before, and they stay where they are until it returns; there are `MAX_BATCH` at most.
   * @param port the remote's
   */
  take(now: Millis, port: number, at: number, lengthBytes: number): void;
  /**
   * Takes a frame that is joined with no other; the virtio header before it says what is left to do for it, so that it may
   * be a superframe. It may be overwritten.
   */
  takeWhole(now: Millis, port: number, at: number, lengthBytes: number): void;
  /** Takes an IP packet, of a network that carries no Ethernet; the 24 bytes before it may be overwritten. */
  takePacket(now: Millis, port: number, at: number, lengthBytes: number): void;
}

/** One way to other hosts, for one or several networks. */
export interface FrameUnderlay {
  /** Descriptors that are waited for; asked after each `setNetwork` and `removeNetwork`. */
  readonly descriptors: readonly number[];
  /** Carries a network from now on; the same object again has changed. */
  setNetwork(network: CarriedNetwork): void;
  /** Its remotes have been removed before. */
  removeNetwork(network: number): void;
  setRemote(network: CarriedNetwork, remote: PlaneRemote): void;
  removeRemote(port: number): void;
  /**
   * Sends a frame. It is overwritten, with `HEADROOM_BYTES` before it; its virtio header stands before it, and says what is
   * left to do.
   * @param port the remote's
   */
  send(now: Millis, port: number, frame: FrameShape): void;
  /** Sends what was gathered. */
  flush(now: Millis): void;
  /** Receives from a descriptor that is readable. @returns whether there may be more */
  receive(now: Millis, descriptor: number): boolean;
  /** Closes its descriptors. */
  close(): void;
}

/** What an underlay is made of. */
export interface UnderlayParts {
  readonly sink: FrameSink;
  /** Room for what an underlay receives and cuts, which only lasts for one call. */
  readonly cutAt: number;
  readonly cutRoomBytes: number;
}

/**
 * What a switch asks about each frame that would go somewhere: whoever enforces policies. It is below the switch's own checks,
 * so that sources are who they say; loop probes never come to it.
 * @module
 */

import type { Millis } from "../../base/mod.ts";
import type { EthernetHeader, IpAddress, MacAddress } from "../../net/mod.ts";
import type { SwitchFrame } from "./frame_forwarder.ts";

/** What becomes of a frame. */
export const ADMISSION = {
  PASS: 0,
  /** A copy waits for its turn, and comes by `pollFrame`. */
  HELD: 1,
  /** A policy denies it. */
  DENIED: 2,
  /** It is more than a rule's rate. */
  LIMITED: 3,
} as const;

/** Where a frame comes from and goes to; one object is used for all. */
export interface FrameWay {
  network: number;
  /** Where it came in. */
  from: number;
  isFromLocal: boolean;
  /** Where it goes; -1 for several. */
  to: number;
  /** Whether all that it goes to are this host's own. */
  isToLocal: boolean;
  /** Whether a copy of it may be held; otherwise what is too much is dropped. */
  mayHold: boolean;
}

/** Decides about frames. Nothing is allocated for one that passes. */
export interface FrameGate {
  /** Whether everything passes: all that a frame costs then. */
  readonly isIdle: boolean;
  /**
   * @param header of the frame, which begins at `at` and may be changed behind it (DSCP)
   * @param packets how many it is cut into
   * @returns one of `ADMISSION`
   */
  admit(
    now: Millis,
    way: FrameWay,
    header: EthernetHeader,
    bytes: Uint8Array,
    at: number,
    lengthBytes: number,
    packets: number,
  ): number;
  /** Says how a network is called in policies. The same number changes it. */
  setNetwork(network: number, name: string): void;
  /** Tells whose a MAC address is. */
  bind(network: number, mac: MacAddress, addresses: readonly IpAddress[]): void;
  unbind(network: number, mac: MacAddress): void;
  removeNetwork(network: number): void;
  /** Drops what is held for a port. */
  forgetPort(port: number): void;
  /** @returns an answer to a frame that was denied, or one that was held and whose turn it is */
  pollFrame(): SwitchFrame | undefined;
  handleTimeout(now: Millis): void;
  pollTimeout(): Millis | undefined;
}

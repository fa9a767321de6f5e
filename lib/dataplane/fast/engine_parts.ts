/**
 * What the loop of the fast data plane stands on, and how it ends.
 * @module
 */

import type { Millis } from "../../base/mod.ts";
import type { BatchCipher } from "../../crypto/mod.ts";
import type { RawCalls } from "../../host/mod.ts";
import type { BatchSession, Device } from "../../wireguard/mod.ts";
import type { Endpoint } from "../../net/mod.ts";
import type { ProbeGate } from "../probes/mod.ts";
import type { PlaneGuards } from "../policy/mod.ts";
import type { TransparentProxy } from "../proxy/mod.ts";
import type { FrameEngineParts, UnreadableReason } from "./frames/mod.ts";
import type { ReceiveTurn } from "./gro_batches.ts";
import type { SendDrop } from "./udp/mod.ts";
import type { ReceivingEngine } from "./receiving/mod.ts";

/** Why the loop ended. */
export type EngineEnd = "stopped" | "interface-gone";

/** Why a packet went no further, where the protocol has no word for it; its own reasons the device counts. */
export type EngineDrop =
  | SendDrop
  | "interface-full"
  | "policy-denied"
  | "rate-limit"
  | `frames-${UnreadableReason}`;

/** An engine for which other workers seal, and open. */
export interface CoordinatedEngine extends ReceivingEngine {
  /** Sends a packet with its virtio header, or keeps it. */
  take(now: Millis, packet: Uint8Array): void;
  /** Sends what was gathered. */
  flush(): void;
}

/** What several workers of an interface need of the first one, as `SealingCoordinator` does it. */
export interface WorkerCoordinator {
  /** Says who takes packets. */
  connect(engine: CoordinatedEngine): void;
  /**
   * Says whether packets need nothing but a session; else every packet is handed over.
   * @param receivesPlain the same of what is received
   */
  setPlain(isPlain: boolean, receivesPlain: boolean): void;
  /**
   * Receives, one worker at a time.
   * @param call receives, and waits for nothing @returns what it returns; `turn` is that of it then
   */
  receive(call: () => number): number;
  readonly turn: ReceiveTurn;
  /** More comes than one worker takes at once: another one helps. */
  askForHelp(): void;
  /** Datagrams of a session were opened that came from `source`. */
  noteSource(session: BatchSession, source: Endpoint): void;
  /** Takes what others have handed over. @returns whether there were packets, and may be more */
  takeHanded(now: Millis): boolean;
  /** Nothing of what the engine has sealed waits any more. */
  noteSent(): void;
  /** Shows others where sessions send to now, before the host answers what has changed that. */
  showWays(): void;
  /** Shows others which sessions there are, once what was sealed is sent. */
  publish(): void;
  /** @returns when `publish` wants to be called again, though nothing has changed */
  pollTimeout(now: Millis): Millis | undefined;
}

/** Descriptors, memory and callbacks of one engine; it closes none of them. */
export interface PacketEngineParts {
  readonly io: RawCalls;
  readonly cipher: BatchCipher;
  /** The address of the cipher's memory. */
  readonly base: number;
  readonly device: Device;
  /** Takes packets for hosts without a packet plane. */
  readonly proxy: TransparentProxy;
  /** Says what may pass. */
  readonly guards: PlaneGuards;
  /** Says which datagrams of the path protocol, and answers of STUN, `onProbe` sees. */
  readonly probes: ProbeGate;
  readonly mtuBytes: number;
  readonly tunFd: number;
  /** Readable when there is something for `onWake`. */
  readonly wakeFd: number;
  /** Of overlay networks. */
  readonly frames: Pick<FrameEngineParts, "random" | "onPortEvent" | "channelRoom" | "openPlain">;
  /** Where several workers seal. */
  readonly coordinator?: WorkerCoordinator | undefined;
  readonly now: () => Millis;
  /** Sees what was asked or answered about paths; `datagram` is its to keep. */
  onProbe(datagram: Uint8Array, source: Endpoint): void;
  /** Does what the control side asks for. @returns false to stop */
  onWake(): boolean;
  /**
   * Sees what has happened: before each wait, and often under load.
   * @param touched sessions that carried packets
   * @returns in how many milliseconds it wants to look again at the latest, or Infinity
   */
  onTurn(touched: ReadonlySet<BatchSession["peer"]>): number;
  /** Counts what the engine itself drops. */
  onDrop(reason: EngineDrop, count: number): void;
}

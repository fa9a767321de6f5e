/**
 * The way in: what the socket brings is opened, checked, joined to frames and written to the interface.
 *
 * ```
 *   TUN ◀─ joined frames ◀─ check ◀─ open in the cipher ◀─ session ◀─ GRO batch ─ UDP
 *                       handshakes, probes, answers of STUN ◀─┘
 * ```
 * @module
 */

import type { Millis } from "../../base/mod.ts";
import { ERRNO } from "../../host/mod.ts";
import { clampTcpMss, ipPacketLength, ipVersion, isPathDatagram, isStunAnswer } from "../../net/mod.ts";
import { DIRECTION } from "../../policy/mod.ts";
import type { BatchSession } from "../../wireguard/mod.ts";
import type { PacketEngineParts } from "./engine_parts.ts";
import { HANDED_AT } from "./engine_memory.ts";
import type { FrameEngine } from "./frames/mod.ts";
import { GroBatches, type ReceiveTurn } from "./gro_batches.ts";
import type { GroReceiver, ReceivedBatches } from "./udp/mod.ts";
import { HandshakeBacklog } from "./handshake_backlog.ts";
import type { PacketGate } from "./packet_gate.ts";
import { HandedBatches, type TakenBatch } from "./receiving/mod.ts";
import { longestPacketBytes, VIRTIO_HEADER_BYTES } from "./superpacket.ts";

/** A turn receives so often before it looks at what wants to go out. */
const BUDGET_RECEIVES = 4;

/** Who else has a say in what comes in. */
export interface IncomingPacketsParts extends Omit<PacketEngineParts, "frames"> {
  /** Where the engine's memory begins. */
  readonly free: number;
  readonly frames: FrameEngine;
  readonly gate: PacketGate;
  /** Sees each peer of which something authentic came. */
  onOpened(peer: BatchSession["peer"]): void;
  /** Sends a frame to another peer; its IP packet begins at `at`. */
  passOn(now: Millis, at: number, lengthBytes: number): void;
}

/** Belongs to an engine's thread. */
export class IncomingPackets {
  /** Whether the interface is gone. */
  isGone = false;
  readonly handshakes: HandshakeBacklog;
  readonly #parts: IncomingPacketsParts;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #received: GroBatches<BatchSession>;
  /** What others have received, which may be in the middle of our own. */
  readonly #handed:
    | { readonly opening: GroBatches<BatchSession>; readonly batches: HandedBatches }
    | undefined;

  constructor(parts: IncomingPacketsParts) {
    const { cipher: { memory }, coordinator, free } = parts;
    this.#parts = parts;
    this.handshakes = new HandshakeBacklog(parts.device, parts.now);
    this.#bytes = new Uint8Array(memory.buffer);
    this.#view = new DataView(memory.buffer);
    this.#received = this.#opening();
    this.#handed = coordinator && {
      opening: this.#opening(),
      batches: new HandedBatches(memory, free + HANDED_AT),
    };
  }

  /** @returns whether there was something, and may be more */
  carry(now: Millis, receiver: GroReceiver | undefined): boolean {
    const { coordinator } = this.#parts;
    for (let receives = 0; receives < BUDGET_RECEIVES; receives++) {
      if (receiver === undefined) return false;
      const batches = coordinator?.receive(() => receiver.receive()) ?? receiver.receive();
      if (batches === 0) return receives > 0;
      // What waits already is more than this worker takes at once.
      if (receives > 0) coordinator?.askForHelp();
      this.#received.carry(now, receiver, batches, coordinator?.turn);
      if (receiver.isDrained) break;
    }
    return true;
  }

  /** What another worker has received, in the turn of that. */
  takeHanded(now: Millis, batch: TakenBatch, turn: ReceiveTurn): void {
    this.#handed?.batches.take(batch);
    this.#handed?.opening.carry(now, this.#handed.batches, 1, turn);
  }

  /** A datagram that carries no packet, which another worker has received. */
  takeHandedControl(now: Millis, batch: TakenBatch): void {
    const batches = this.#handed?.batches;
    if (batches === undefined) return;
    batches.take(batch);
    this.#takeControl(now, batches.at(), batches.lengthBytes(), batches, 0);
  }

  #opening(): GroBatches<BatchSession> {
    const { cipher, device, coordinator, onOpened } = this.#parts;
    return new GroBatches<BatchSession>({
      cipher,
      sessionAt: (now, index) => device.batches.sessionAt(now, index),
      onControl: (...control) => this.#takeControl(...control),
      onOpened: (now, session, source, lengthBytes, hasPackets) => {
        session.peer.noteOpened(now, session.keypair, source, lengthBytes, hasPackets);
        coordinator?.noteSource(session, source);
        onOpened(session.peer);
      },
      onPacket: (now, { peer }, at, paddedBytes) => this.#takeInner(now, peer, at, paddedBytes),
      onFrames: (now) => this.#writeFrames(now),
      onDrop: (reason) => device.counters.count(reason),
    });
  }

  /** What carries no packet: asks after paths, answers of STUN, and handshakes. */
  #takeControl(now: Millis, at: number, lengthBytes: number, receiver: ReceivedBatches, batch: number): void {
    const { probes, onProbe } = this.#parts;
    const bytes = this.#bytes;
    if (isStunAnswer(bytes, at, lengthBytes)) {
      const source = () => receiver.source(batch);
      if (probes.stun.admits(now, bytes, at, source)) onProbe(bytes.slice(at, at + lengthBytes), source());
    } else if (!isPathDatagram(bytes, at, lengthBytes)) {
      this.handshakes.take(bytes, at, lengthBytes, receiver, batch);
    } else if (probes.expects(bytes, at) && probes.admits(now, bytes, at, receiver.source(batch))) {
      onProbe(bytes.slice(at, at + lengthBytes), receiver.source(batch));
    }
  }

  #takeInner(now: Millis, peer: BatchSession["peer"], at: number, paddedBytes: number): void {
    const { device, cipher, frames } = this.#parts;
    const version = ipVersion(this.#bytes, at);
    const length = ipPacketLength(this.#bytes, at, paddedBytes);
    if (length === undefined || version === 0) return device.counters.count("malformed-inner-packet");
    if (!device.batches.isFrom(peer, this.#bytes, at, version, length)) return;
    const { pathMtuBytes: limit } = peer;
    if (limit !== Infinity) clampTcpMss(this.#bytes, at, length, { version, mtuBytes: limit });
    if (!frames.isIdle && frames.takePacketOfMember(now, at, length, version)) return;
    cipher.addPacket(at, length);
  }

  #writeFrames(now: Millis): void {
    const { io, cipher, base, tunFd, onDrop, guards, coordinator, device: { forwarding } } = this.#parts;
    coordinator?.showWays();
    const frames = cipher.endFrames();
    for (let i = 0; i < frames; i++) {
      const tag = cipher.frameTag(i);
      if (tag !== 0) {
        this.#parts.frames.takeJoined(now, tag, cipher.frameAt(i), cipher.frameBytes(i));
        continue;
      }
      if (forwarding.isOn && this.#passOn(now, cipher.frameAt(i), cipher.frameBytes(i))) continue;
      if (!guards.isIdle && !this.#admitsIn(now, cipher.frameAt(i), cipher.frameBytes(i))) continue;
      if (io.write(tunFd, base + cipher.frameAt(i), cipher.frameBytes(i)) >= 0) continue;
      if (io.errno === ERRNO.EBADFD) this.isGone = true;
      else onDrop("interface-full", 1);
    }
  }

  #admitsIn(now: Millis, frameAt: number, frameBytes: number): boolean {
    const at = frameAt + VIRTIO_HEADER_BYTES;
    return this.#parts.gate.admits(now, at, frameBytes - VIRTIO_HEADER_BYTES, DIRECTION.IN);
  }

  /** Sends a frame that is meant for another peer to that peer as a whole. @returns false when it is the host's */
  #passOn(now: Millis, frameAt: number, frameBytes: number): boolean {
    const { device: { forwarding }, passOn } = this.#parts;
    const at = frameAt + VIRTIO_HEADER_BYTES;
    const lengthBytes = frameBytes - VIRTIO_HEADER_BYTES;
    const longestBytes = longestPacketBytes(this.#view, at, lengthBytes);
    const next = forwarding.nextHop(now, this.#bytes, at, lengthBytes, longestBytes);
    if (next === "peer") passOn(now, at, lengthBytes);
    return next !== "host";
  }
}

/**
 * Where the fast way asks the guard of the mesh: of what the host sends, of what it is sent, and of what is passed on.
 * @module
 */

import type { Millis } from "../../base/mod.ts";
import type { RawCalls } from "../../host/mod.ts";
import { DIRECTION, SHAPED, type ShapedPacket, VERDICT } from "../../policy/mod.ts";
import type { Device } from "../../wireguard/mod.ts";
import { MeshShaping, type PlaneGuards } from "../policy/mod.ts";
import { GSO, VIRTIO_HEADER_BYTES } from "./superpacket.ts";

/** Memory and descriptors of an engine. */
export interface PacketGateParts {
  readonly io: RawCalls;
  readonly guards: PlaneGuards;
  readonly device: Device;
  readonly bytes: Uint8Array;
  /** The address of `bytes`. */
  readonly base: number;
  readonly tunFd: number;
  /** Room for one packet with its header, which others may use between calls. */
  readonly singleAt: number;
  /** Counts packets that a policy has denied. */
  onDenied(count: number): void;
  /** Counts packets that are more than a rule's rate. */
  onLimited(count: number): void;
}

/** Lets packets through, or not. */
export class PacketGate {
  readonly #parts: PacketGateParts;
  readonly #shaping: MeshShaping;

  constructor(parts: PacketGateParts) {
    this.#parts = parts;
    this.#shaping = new MeshShaping(parts.guards, { before: VIRTIO_HEADER_BYTES });
    parts.device.forwarding.admits = (now, _memory, at, lengthBytes) =>
      parts.guards.isIdle || this.admits(now, at, lengthBytes, DIRECTION.THROUGH);
  }

  /**
   * @param at where the packet begins, behind its virtio header
   * @param direction one of `DIRECTION`
   * @returns false when it goes no further, or not yet; whoever sent it has its answer then, where it gets one
   */
  admits(now: Millis, at: number, lengthBytes: number, direction: number): boolean {
    const { guards, bytes, onDenied, onLimited } = this.#parts;
    const guard = guards.mesh;
    const packets = packetsOf(bytes, at, lengthBytes);
    const verdict = guard.check(now, bytes, at, lengthBytes, direction, packets);
    guards.noteDecision();
    if (verdict === VERDICT.PASS || verdict === VERDICT.REDIRECT) {
      const shaped = this.#shaping.shape(now, bytes, at, lengthBytes, direction, packets);
      if (shaped === SHAPED.DROPPED) onLimited(packets);
      return shaped === SHAPED.NOW;
    }
    onDenied(packets);
    if (verdict === VERDICT.REJECT) this.#answer(now, at, lengthBytes, direction);
    return false;
  }

  /** @returns a packet with its virtio header that was held, and whose turn it is; its tag is by whom it goes */
  pollHeld(now: Millis): ShapedPacket | undefined {
    return this.#shaping.poll(now);
  }

  /** @returns when there is one */
  pollTimeout(): Millis | undefined {
    return this.#shaping.pollTimeout();
  }

  #answer(now: Millis, at: number, lengthBytes: number, direction: number): void {
    const { guards, device, io, bytes, base, singleAt, tunFd } = this.#parts;
    const answer = guards.mesh.answer(bytes, at, lengthBytes);
    if (answer === undefined) return;
    if (direction !== DIRECTION.OUT) return void device.handlePacket(now, answer);
    bytes.fill(0, singleAt, singleAt + VIRTIO_HEADER_BYTES);
    bytes.set(answer, singleAt + VIRTIO_HEADER_BYTES);
    // An interface that takes nothing loses an answer, as any packet.
    io.write(tunFd, base + singleAt, VIRTIO_HEADER_BYTES + answer.length);
  }
}

/** @returns how many packets a superpacket is cut into, by the header before it (`struct virtio_net_hdr`) */
function packetsOf(bytes: Uint8Array, at: number, lengthBytes: number): number {
  const header = at - VIRTIO_HEADER_BYTES;
  if ((bytes[header + 1] ?? 0) === GSO.NONE) return 1;
  const headerBytes = (bytes[header + 2] ?? 0) | ((bytes[header + 3] ?? 0) << 8);
  const segmentBytes = (bytes[header + 4] ?? 0) | ((bytes[header + 5] ?? 0) << 8);
  return segmentBytes === 0 ? 1 : Math.max(1, Math.ceil((lengthBytes - headerBytes) / segmentBytes));
}

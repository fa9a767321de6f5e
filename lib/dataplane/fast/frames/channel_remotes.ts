/**
 * Members without a packet plane: what is for them goes to the control thread, which has their channels, and comes from
 * there.
 *
 *     0  the port of UDP that the driver is on, or the number of its protocol (97 for EtherIP)
 *     2  what follows the outer headers in the mesh
 *
 * @module
 */

import type { Millis } from "../../../base/mod.ts";
import type { BatchCipher } from "../../../crypto/mod.ts";
import { putUint16, uint16At } from "../../../net/mod.ts";
import {
  CARRIER_BYTES,
  carrierHeaderBytes,
  carrierOf,
  type PlaneRemote,
  type PortEvent,
  writeCarrierHeader,
} from "../../frames/mod.ts";
import { MAX_FRAME_BYTES } from "../engine_memory.ts";
import type { FrameShape } from "./frame_shape.ts";
import type { CarriedNetwork, FrameUnderlay } from "./frame_underlay.ts";
import type { MemberUnderlay, UnreadableReason } from "./member_underlay.ts";

/** So many packets, and so many bytes of them, may be on the way to the control thread; others are dropped. */
const MAX_UNDER_WAY = 1024;
const MAX_UNDER_WAY_BYTES = 2 << 20;

/** How much is on the way to another thread, in memory of both: packets, bytes. */
export class ChannelRoom {
  readonly #words: Int32Array;

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory, 0, 2);
  }

  /** @returns the memory of a room */
  static memory(): SharedArrayBuffer {
    return new SharedArrayBuffer(8);
  }

  /** @returns false when there is no room for a packet of `lengthBytes` */
  claim(lengthBytes: number): boolean {
    const isFull = Atomics.load(this.#words, 0) >= MAX_UNDER_WAY ||
      Atomics.load(this.#words, 1) + lengthBytes > MAX_UNDER_WAY_BYTES;
    if (isFull) return false;
    Atomics.add(this.#words, 0, 1);
    Atomics.add(this.#words, 1, lengthBytes);
    return true;
  }

  /** A packet has arrived. */
  release(lengthBytes: number): void {
    Atomics.sub(this.#words, 0, 1);
    Atomics.sub(this.#words, 1, lengthBytes);
  }
}

/** Memory, and who hears of packets. */
export interface ChannelRemotesParts {
  readonly cipher: BatchCipher;
  readonly members: MemberUnderlay;
  readonly channelRoom: ChannelRoom;
  /** Room for what is cut, and for one packet, with `HEADROOM_BYTES` before that. */
  readonly cutAt: number;
  readonly cutRoomBytes: number;
  readonly singleAt: number;
  onPortEvent(event: PortEvent): void;
  onUnreadable(reason: UnreadableReason): void;
}

/** Carries by way of the control thread. */
export class ChannelRemotes implements FrameUnderlay {
  readonly descriptors: readonly number[] = [];
  readonly #parts: ChannelRemotesParts;
  readonly #bytes: Uint8Array;
  readonly #remotes = new Map<number, { readonly network: CarriedNetwork; readonly nodeId: string }>();

  constructor(parts: ChannelRemotesParts) {
    this.#parts = parts;
    this.#bytes = new Uint8Array(parts.cipher.memory.buffer);
  }

  setNetwork(): void {}

  removeNetwork(): void {}

  setRemote(network: CarriedNetwork, { port, via }: PlaneRemote): void {
    this.removeRemote(port);
    if (via.kind !== "channel") return;
    const { nodeId } = via;
    this.#remotes.set(port, { network, nodeId });
    this.#parts.members.setChannel(network, port, nodeId);
  }

  removeRemote(port: number): void {
    const remote = this.#remotes.get(port);
    if (remote === undefined) return;
    this.#remotes.delete(port);
    this.#parts.members.removeChannel(remote.network, port, remote.nodeId);
  }

  send(_now: Millis, port: number, frame: FrameShape): void {
    const remote = this.#remotes.get(port);
    if (remote === undefined) return;
    const { network: { encapsulation, drops } } = remote;
    if (encapsulation.payload === "ip" && frame.version === 0) return drops.count("not-ip");
    frame.readFlow();
    const { at, lengthBytes, linkBytes, flow } = frame;
    const { cipher, cutAt, cutRoomBytes, singleAt } = this.#parts;
    const job = { at, lengthBytes, out: cutAt, roomBytes: cutRoomBytes, innerBytes: linkBytes };
    const cut = cipher.cutSuperpacket(job);
    if (typeof cut === "string") return drops.count("malformed");
    const end = cutAt + cut.lengthBytes;
    for (let from = cutAt; from < end; from += cut.segmentBytes) {
      const bytes = Math.min(end - from, cut.segmentBytes);
      this.#bytes.copyWithin(singleAt, from, from + bytes);
      this.#post(remote, singleAt, bytes, encapsulation.payload === "ip" ? linkBytes : 0, flow);
    }
  }

  flush(): void {}

  receive(): boolean {
    return false;
  }

  close(): void {}

  /** Takes a packet of a member, from its two bytes on. */
  receivePacket(now: Millis, nodeId: string, packet: Uint8Array): void {
    const { members, singleAt, onUnreadable } = this.#parts;
    if (packet.length <= CARRIER_BYTES || packet.length > MAX_FRAME_BYTES) return onUnreadable("truncated");
    this.#bytes.set(packet.subarray(CARRIER_BYTES), singleAt);
    const [carrier, length] = [uint16At(packet, 0), packet.length - CARRIER_BYTES];
    if (!members.takeFromChannel(now, nodeId, carrier, singleAt, length)) onUnreadable("unknown-network");
  }

  #post(
    { network: { encapsulation, driver, drops }, nodeId }: {
      readonly network: CarriedNetwork;
      readonly nodeId: string;
    },
    at: number,
    lengthBytes: number,
    stripped: number,
    flow: number,
  ): void {
    const { onPortEvent, channelRoom } = this.#parts;
    const bytes = this.#bytes;
    const end = at + lengthBytes;
    const payloadAt = at + stripped;
    encapsulation.encode(bytes, payloadAt, end - payloadAt, flow);
    const headerAt = payloadAt - encapsulation.headerBytes;
    const from = headerAt - carrierHeaderBytes(driver) - CARRIER_BYTES;
    writeCarrierHeader(driver, bytes, headerAt);
    if (!channelRoom.claim(end - from)) return drops.count("channel-full");
    putUint16(bytes, from, carrierOf(driver.capabilities.transport));
    onPortEvent({ kind: "channel-packet", nodeId, packet: bytes.slice(from, end) });
  }
}

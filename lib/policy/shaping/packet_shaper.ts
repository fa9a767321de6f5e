/**
 * The sender's side of rates: what is too much waits for its turn, and is dropped where too much waits already.
 *
 * One queue for each bucket, first in, first out. A queue holds what its rate carries in 200 ms, two superpackets at least and
 * 1 MiB at most; all together hold 16 MiB. When these are full, a queue with less than its equal part takes the room that it
 * needs from the longest, which loses half of what waits: a member that floods keeps no other from its rate.
 *
 * @module
 */

import { type Millis, millis } from "../../base/mod.ts";
import { NO_RULE, type PolicyEvaluator } from "../evaluate/mod.ts";
import type { GuardOutcome } from "../flows/mod.ts";
import { markDscp } from "./dscp.ts";
import { DueHeap } from "./due_heap.ts";
import { costOf, type ShapeLane, ShapeLanes } from "./shape_lanes.ts";

/** What becomes of a packet that is to be sent. */
export const SHAPED = {
  NOW: 0,
  /** A copy waits; `poll` hands it out. */
  QUEUED: 1,
  DROPPED: 2,
} as const;

/** Bounds of one shaper, all in bytes of packets that wait. */
export interface ShaperLimits {
  /** Of all together: 16 MiB unless given. */
  readonly maxBytes?: number;
  /** Of one bucket, whatever its rate: 1 MiB unless given. */
  readonly maxBucketBytes?: number;
}

/** A packet whose turn it is. */
export interface ShapedPacket {
  /** What the caller has handed in with it. */
  readonly tag: number;
  /** With the bytes that stood before it. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

interface Waiting extends ShapedPacket {
  readonly cost: number;
  readonly qos: ShapeLane | undefined;
  readonly qosCost: number;
}

/** What waits for one bucket. */
interface LaneQueue {
  readonly lane: ShapeLane;
  readonly maxBytes: number;
  packets: Waiting[];
  next: number;
  bytes: number;
  /** Whether its rule is no more, so that nothing of it waits any longer. */
  isReleased: boolean;
}

const MAX_BYTES = 16 * 1024 * 1024;
const MAX_BUCKET_BYTES = 1024 * 1024;
const MIN_BUCKET_BYTES = 128 * 1024;
const MAX_WAIT_SECONDS = 0.2;
/** What a packet that waits takes besides its bytes, so that small ones have a bound, too. */
const PACKET_OVERHEAD_BYTES = 256;

/** Marks and delays what this host sends. */
export class PacketShaper {
  readonly #before: number;
  readonly #limits: Required<ShaperLimits>;
  readonly #lanes = new ShapeLanes({ rate: 1, burst: 1 });
  readonly #queues = new Map<ShapeLane, LaneQueue>();
  readonly #due = new DueHeap<LaneQueue>();
  #bytes = 0;
  /** Packets that were dropped since too much waited. */
  dropped = 0;

  /** @param options.before how many bytes before a packet are kept with it, such as its virtio header */
  constructor(
    { before = 0, limits = {} }: { readonly before?: number; readonly limits?: ShaperLimits } = {},
  ) {
    this.#before = before;
    this.#limits = { maxBytes: MAX_BYTES, maxBucketBytes: MAX_BUCKET_BYTES, ...limits };
  }

  /** Bytes that wait. */
  get waitingBytes(): number {
    return this.#bytes;
  }

  /** Takes another program, or none: what waits goes at once, by the next `poll`. */
  use(evaluator: PolicyEvaluator | undefined): void {
    this.#lanes.use(evaluator);
    for (const queue of this.#due.drain()) {
      queue.isReleased = true;
      this.#due.push(millis(0), queue);
    }
  }

  /**
   * Marks a packet and says when it goes.
   * @param outcome what the guard has just decided of it
   * @param at where its IP header begins; the bytes before it, and behind it to `lengthBytes`, are copied when it waits
   * @param packets how many it is cut into
   * @param tag is handed out with it
   * @param ipAt where the mark goes, or -1 for what is no IP; `at` unless given
   * @returns one of `SHAPED`
   */
  shape(
    now: Millis,
    outcome: GuardOutcome,
    memory: Uint8Array,
    at: number,
    lengthBytes: number,
    packets: number,
    tag: number,
    ipAt: number = at,
  ): number {
    if (outcome.limit === NO_RULE && outcome.qos === NO_RULE) return SHAPED.NOW;
    this.mark(outcome, memory, ipAt);
    const limit = this.#lanes.find(now, outcome.limit, outcome);
    const second = this.#lanes.find(now, outcome.qos, outcome);
    const lane = limit ?? second;
    if (lane === undefined) return SHAPED.NOW;
    const qos = limit === undefined ? undefined : second;
    const ipBytes = ipAt < 0 ? lengthBytes : lengthBytes - (ipAt - at);
    const cost = costOf(lane.shape, ipBytes, packets);
    const qosCost = qos === undefined ? 0 : costOf(qos.shape, ipBytes, packets);
    const queue = this.#queues.get(lane);
    if (queue === undefined && waitMs(now, lane, cost, qos, qosCost) === 0) {
      lane.bucket.take(now, cost);
      qos?.bucket.take(now, qosCost);
      return SHAPED.NOW;
    }
    return this.#queue(now, queue ?? this.#open(lane), {
      tag,
      bytes: memory.slice(at - this.#before, at + lengthBytes),
      cost,
      qos,
      qosCost,
    });
  }

  /** Marks a packet, and no more. @param ipAt where its IP header begins, or -1 */
  mark({ qos }: GuardOutcome, memory: Uint8Array, ipAt: number): void {
    const dscp = this.#lanes.shapeOf(qos)?.dscp;
    if (dscp !== undefined && ipAt >= 0) markDscp(memory, ipAt, dscp);
  }

  /** @returns the next packet whose turn it is */
  poll(now: Millis): ShapedPacket | undefined {
    for (let queue = this.#due.peek(now); queue !== undefined; queue = this.#due.peek(now)) {
      const packet = queue.packets[queue.next];
      this.#due.pop();
      if (packet === undefined) {
        this.#queues.delete(queue.lane);
        continue;
      }
      const { cost, qos, qosCost } = packet;
      // Another queue may have taken of the second bucket.
      if (!queue.isReleased && waitMs(now, queue.lane, cost, qos, qosCost) > 0) {
        this.#schedule(now, queue);
        continue;
      }
      queue.lane.bucket.take(now, cost);
      qos?.bucket.take(now, qosCost);
      this.#advance(queue, packet);
      this.#schedule(now, queue);
      return packet;
    }
    return undefined;
  }

  /** @returns when `poll` has something */
  pollTimeout(): Millis | undefined {
    return this.#due.nextAt;
  }

  /** Drops what waits with that tag. */
  forget(tag: number): void {
    for (const queue of this.#queues.values()) {
      const kept = queue.packets.slice(queue.next).filter((packet) => packet.tag !== tag);
      const bytes = kept.reduce((sum, packet) => sum + sizeOf(packet), 0);
      this.#bytes -= queue.bytes - bytes;
      Object.assign(queue, { packets: kept, next: 0, bytes });
    }
  }

  #queue(now: Millis, queue: LaneQueue, packet: Waiting): number {
    const size = sizeOf(packet);
    if (queue.bytes + size > queue.maxBytes || !this.#hasRoom(queue.bytes + size, size)) {
      this.dropped++;
      return SHAPED.DROPPED;
    }
    queue.packets.push(packet);
    queue.bytes += size;
    this.#bytes += size;
    if (!this.#queues.has(queue.lane)) {
      this.#queues.set(queue.lane, queue);
      this.#schedule(now, queue);
    }
    return SHAPED.QUEUED;
  }

  #hasRoom(wantedBytes: number, size: number): boolean {
    const { maxBytes } = this.#limits;
    if (this.#bytes + size <= maxBytes) return true;
    if (wantedBytes > maxBytes / (this.#queues.size + 1)) return false;
    this.#halveLongest();
    return this.#bytes + size <= maxBytes;
  }

  /** So much at once that the longest need not be looked for with each packet. */
  #halveLongest(): void {
    let longest: LaneQueue | undefined;
    for (const queue of this.#queues.values()) {
      if (longest === undefined || queue.bytes > longest.bytes) longest = queue;
    }
    if (longest === undefined) return;
    const leftBytes = longest.bytes / 2;
    while (longest.bytes > leftBytes) {
      const packet = longest.packets.pop();
      if (packet === undefined) return;
      const size = sizeOf(packet);
      longest.bytes -= size;
      this.#bytes -= size;
      this.dropped++;
    }
  }

  #open(lane: ShapeLane): LaneQueue {
    const { bytesPerSecond } = lane.shape;
    const wanted = Math.max(MIN_BUCKET_BYTES, bytesPerSecond * MAX_WAIT_SECONDS);
    const maxBytes = Math.min(this.#limits.maxBucketBytes, wanted);
    return { lane, maxBytes, packets: [], next: 0, bytes: 0, isReleased: false };
  }

  #advance(queue: LaneQueue, packet: Waiting): void {
    const size = sizeOf(packet);
    queue.bytes -= size;
    this.#bytes -= size;
    queue.next++;
    // The part that has gone is cut off now and then, not for each packet.
    if (queue.next < 64 && queue.next < queue.packets.length) return;
    queue.packets = queue.packets.slice(queue.next);
    queue.next = 0;
  }

  /** A queue is one of `#queues` as long as it is due at some time. */
  #schedule(now: Millis, queue: LaneQueue): void {
    const packet = queue.packets[queue.next];
    if (packet === undefined) {
      this.#queues.delete(queue.lane);
      return;
    }
    const wait = queue.isReleased ? 0 : waitMs(now, queue.lane, packet.cost, packet.qos, packet.qosCost);
    this.#due.push(millis(now + wait), queue);
  }
}

function waitMs(
  now: Millis,
  lane: ShapeLane,
  cost: number,
  qos: ShapeLane | undefined,
  qosCost: number,
): number {
  // Timers are of whole milliseconds.
  const wait = Math.ceil(lane.bucket.waitMs(now, cost));
  return qos === undefined ? wait : Math.max(wait, Math.ceil(qos.bucket.waitMs(now, qosCost)));
}

function sizeOf({ bytes }: ShapedPacket): number {
  return bytes.length + PACKET_OVERHEAD_BYTES;
}

/**
 * The flows of one network: what was allowed, found by either direction. It is divided into 64 parts by the member's
 * address, so that growing one holds nobody up for long, and each member has a bound of its own.
 * @module
 */

import { type Millis, type RandomSource, TabulationHash } from "../../base/mod.ts";
import { FIELD, FlowSegment, WORDS } from "./flow_segment.ts";
import type { PacketFields } from "./packet_fields.ts";
import { DIRECTION } from "./packet_guard.ts";

const SEGMENTS = 64;
/** Flows that are looked at for having ended, in one turn of the sweep. */
const SWEEP_FLOWS = 2_048;
/** How many are looked at for the one that goes, when there is no more room. */
const EVICTION_LOOKS = 64;

/** How many flows there may be. */
export interface FlowBounds {
  readonly maxFlows: number;
  readonly maxFlowsPerMember: number;
}

/** A flow that was found, or was added; one object is used for all. */
export class FlowHandle {
  segment: FlowSegment = new FlowSegment();
  at = 0;
  /** 1 when the packet goes against the direction of whoever began. */
  reverse = 0;
  number = 0;
}

/** Looks flows up, adds and forgets them. */
export class FlowTable {
  readonly #hash: TabulationHash;
  readonly #segments: readonly FlowSegment[] = Array.from({ length: SEGMENTS }, () => new FlowSegment());
  readonly #bounds: FlowBounds;
  readonly #byMember = new Map<number, number>();
  readonly #key = new Int32Array(FIELD.HASH);
  #hashed = 0;
  #segment: FlowSegment;
  #sweptSegment = 0;
  #size = 0;
  /** Flows that went before their time, to make room. */
  evicted = 0;
  /** What was found or added last. */
  readonly handle: FlowHandle = new FlowHandle();

  /** @param random what collides is drawn from it */
  constructor(random: RandomSource, bounds: FlowBounds) {
    this.#hash = new TabulationHash(random, 5);
    this.#bounds = bounds;
    this.#segment = this.#segments[0] ?? new FlowSegment();
  }

  /** How many flows there are. */
  get size(): number {
    return this.#size;
  }

  /** Bytes of memory. */
  get memoryBytes(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.memoryBytes, 0);
  }

  /**
   * Finds the flow of a packet; `handle` has it. What has ended is forgotten.
   * @param direction one of `DIRECTION`
   */
  find(now: Millis, bytes: Uint8Array, fields: PacketFields, direction: number): boolean {
    this.#readKey(bytes, fields, direction);
    return this.#findKey(now);
  }

  /** Adds the flow of the packet that was looked for last. @returns false when there is no room for the member */
  add(now: Millis, member: number): boolean {
    const { maxFlows, maxFlowsPerMember } = this.#bounds;
    const own = this.#byMember.get(member) ?? 0;
    if (own >= maxFlowsPerMember && !this.#evict(now, this.#segment, member)) return false;
    // In all, whoever has the part of the table must make room.
    if (this.#size >= maxFlows && !this.#evictAny(now)) return false;
    const { handle } = this;
    handle.segment = this.#segment;
    handle.number = this.#segment.add(this.#key, this.#hashed);
    handle.at = handle.number * WORDS;
    handle.reverse = 0;
    this.#segment.entries[handle.at + FIELD.MEMBER] = member;
    this.#count(member, 1);
    this.#size++;
    return true;
  }

  /** Counts the flow of `handle` as another member's: numbers of members change with the program. */
  changeMember(member: number): void {
    const { segment, at } = this.handle;
    const former = segment.entries[at + FIELD.MEMBER] ?? 0;
    if (former === member) return;
    this.#count(former, -1);
    this.#count(member, 1);
    segment.entries[at + FIELD.MEMBER] = member;
  }

  /** Forgets the flow of `handle`. */
  remove(): void {
    this.#forget(this.handle.segment, this.handle.number);
  }

  /** Forgets some of what has ended. @returns whether there are flows, so that it is worth to come again */
  sweep(now: Millis): boolean {
    const time = now | 0;
    let looks = SWEEP_FLOWS;
    for (let turn = 0; turn < SEGMENTS && looks > 0; turn++) {
      const segment = this.#segments[this.#sweptSegment];
      if (segment === undefined) break;
      while (segment.hand < segment.size && looks-- > 0) {
        if (hasEnded(segment, segment.hand, time)) this.#forget(segment, segment.hand);
        else segment.hand++;
      }
      if (segment.hand < segment.size) break;
      segment.hand = 0;
      segment.shrink();
      this.#sweptSegment = (this.#sweptSegment + 1) % SEGMENTS;
    }
    return this.#size > 0;
  }

  #count(member: number, change: number): void {
    const sum = (this.#byMember.get(member) ?? 0) + change;
    if (sum > 0) this.#byMember.set(member, sum);
    else this.#byMember.delete(member);
  }

  #findKey(now: Millis): boolean {
    const segment = this.#segment;
    const found = segment.size === 0 ? -1 : segment.find(this.#key, this.#hashed);
    if (found < 0) return false;
    const number = found >> 1;
    if (hasEnded(segment, number, now | 0)) {
      this.#forget(segment, number);
      return false;
    }
    const { handle } = this;
    handle.segment = segment;
    handle.number = number;
    handle.at = number * WORDS;
    handle.reverse = found & 1;
    return true;
  }

  #readKey(bytes: Uint8Array, fields: PacketFields, direction: number): void {
    const key = this.#key;
    const { family, protocol, sourcePort, destinationPort } = fields;
    key[0] = (family << 8) | protocol;
    key[FIELD.PORTS] = (sourcePort << 16) | destinationPort;
    const source = this.#readAddress(bytes, fields.sourceAt, family, FIELD.SOURCE);
    const destination = this.#readAddress(bytes, fields.destinationAt, family, FIELD.DESTINATION);
    // Both directions have the same hash: what each end adds does not know which end it is.
    const hash = this.#hash;
    this.#hashed =
      (mixed(source ^ hash.word(4, sourcePort)) + mixed(destination ^ hash.word(4, destinationPort)) +
        protocol) | 0;
    // The part is that of the other end; of what is passed on, of both.
    const other = direction === DIRECTION.OUT ? destination : source;
    const chosen = direction === DIRECTION.THROUGH ? source ^ destination : other;
    this.#segment = this.#segments[chosen >>> 26] ?? this.#segment;
  }

  #readAddress(bytes: Uint8Array, at: number, family: 4 | 6, to: number): number {
    const key = this.#key;
    const hash = this.#hash;
    if (family === 4) {
      key[to] = 0;
      key[to + 1] = 0;
      key[to + 2] = 0;
      const word = wordAt(bytes, at);
      key[to + 3] = word;
      return hash.word(0, word);
    }
    let sum = 0;
    for (let i = 0; i < 4; i++) {
      const word = wordAt(bytes, at + 4 * i);
      key[to + i] = word;
      sum ^= hash.word(i, word);
    }
    return sum;
  }

  /** Forgets, of some flows of the member, the one that would end first. @returns false when none was found */
  #evict(now: Millis, segment: FlowSegment, member: number | undefined): boolean {
    const time = now | 0;
    let chosen = -1;
    let leastMs = Infinity;
    for (let look = 0; look < EVICTION_LOOKS && look < segment.size; look++) {
      const number = (segment.hand + look) % segment.size;
      const at = number * WORDS;
      if (member !== undefined && segment.entries[at + FIELD.MEMBER] !== member) continue;
      const leftMs = ((segment.entries[at + FIELD.DEADLINE] ?? 0) - time) | 0;
      if (leftMs >= leastMs) continue;
      chosen = number;
      leastMs = leftMs;
    }
    if (segment.size > 0) segment.hand = (segment.hand + EVICTION_LOOKS) % segment.size;
    if (chosen < 0) return false;
    this.#forget(segment, chosen);
    this.evicted++;
    return true;
  }

  /** Of the fullest part, since whoever fills it has the most. */
  #evictAny(now: Millis): boolean {
    const fullest = this.#segments.reduce((most, segment) => segment.size > most.size ? segment : most);
    return this.#evict(now, fullest, undefined);
  }

  #forget(segment: FlowSegment, number: number): void {
    this.#count(segment.entries[number * WORDS + FIELD.MEMBER] ?? 0, -1);
    segment.remove(number);
    if (segment.hand > segment.size) segment.hand = 0;
    this.#size--;
  }
}

/** Times are compared by 32 bits: nothing is remembered for longer than 24 days. */
function hasEnded(segment: FlowSegment, number: number, time: number): boolean {
  return (((segment.entries[number * WORDS + FIELD.DEADLINE] ?? 0) - time) | 0) < 0;
}

function mixed(value: number): number {
  const once = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  return once ^ (once >>> 13);
}

function wordAt(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 24) | ((bytes[at + 1] ?? 0) << 16) | ((bytes[at + 2] ?? 0) << 8) |
    (bytes[at + 3] ?? 0);
}

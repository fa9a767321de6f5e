/**
 * Which port a MAC address is behind: what was bound, and what was learned from frames.
 *
 *     slots    keys, port, second of the last frame; learned ones are in their port's list, newest first
 *     index    open addressing with linear probing: number of the slot + 1; at most half full
 *
 * Learned addresses are bounded in total and for each port. Who is at its port's bound loses its own oldest. Where all are
 * full, a port that has its share (all, divided by the ports that have learned) loses its own oldest, and any other takes
 * the oldest of the port that has most. So a port that forges addresses ousts its own, and never what another within its
 * share has. Bound addresses are not counted, never age, and are never ousted: the network's key has signed each.
 *
 * @module
 */

import { type Millis, type RandomSource, TabulationHash } from "../../../base/mod.ts";

/** How much is remembered. */
export interface MacTableLimits {
  /** Learned addresses of all networks together. */
  readonly maxLearned: number;
  /** Learned addresses behind one port. */
  readonly maxLearnedPerPort: number;
}

/** So long an address that was learned is remembered, in seconds (IEEE 802.1Q-2014 table 8-5, the recommended value). */
export const AGEING_SECONDS = 300;
/** So often an address may change its port within `FLAP_SECONDS`; then it stays where it is until they are over. */
export const MAX_MOVES = 5;
/** See `MAX_MOVES`. */
export const FLAP_SECONDS = 10;

const FIRST_SLOTS = 64;
const NONE = -1;
const FREE = 0;
const LEARNED = 1;
const BOUND = 2;

/** The addresses that were learned behind one port, by their slots. */
class LearnedList {
  newest = NONE;
  oldest = NONE;
  count = 0;
}

/** The table. Networks are numbers of 16 bits; an address is its first 16 and its last 32 bits. */
export class MacTable {
  readonly #limits: MacTableLimits;
  readonly #hash: TabulationHash;
  readonly #lists = new Map<number, LearnedList>();
  #learned = 0;
  #bound = 0;

  #slots = FIRST_SLOTS;
  #index: Int32Array = new Int32Array(2 * FIRST_SLOTS);
  /** The network's number in the upper, the first 16 bits of the address in the lower half. */
  #high: Int32Array = new Int32Array(FIRST_SLOTS);
  #low: Int32Array = new Int32Array(FIRST_SLOTS);
  #ports: Int32Array = new Int32Array(FIRST_SLOTS);
  #seen: Int32Array = new Int32Array(FIRST_SLOTS);
  /** Second of the first move that is counted, and how many there were. */
  #movedAt: Int32Array = new Int32Array(FIRST_SLOTS);
  #moves: Uint8Array = new Uint8Array(FIRST_SLOTS);
  #states: Uint8Array = new Uint8Array(FIRST_SLOTS);
  #newer: Int32Array = new Int32Array(FIRST_SLOTS);
  /** Of a free slot: the next free one. */
  #older: Int32Array = new Int32Array(FIRST_SLOTS);
  #firstFree = 0;

  /** @param random what collides is drawn from it */
  constructor(random: RandomSource, limits: MacTableLimits) {
    this.#limits = limits;
    this.#hash = new TabulationHash(random, 2);
    this.#chainFree(0);
  }

  /** How many addresses were learned. */
  get learned(): number {
    return this.#learned;
  }

  /** How many addresses are bound. */
  get bound(): number {
    return this.#bound;
  }

  /** How much memory the arrays take, in bytes. */
  get memoryBytes(): number {
    return this.#index.byteLength + this.#slots * (7 * 4 + 2);
  }

  /** @returns how many addresses were learned behind a port */
  learnedBehind(port: number): number {
    return this.#lists.get(port)?.count ?? 0;
  }

  /** @returns the slot of an address, or -1 */
  find(network: number, high: number, low: number): number {
    const index = this.#index;
    const mask = index.length - 1;
    const key = (network << 16) | high;
    for (let at = this.#hashOf(key, low) & mask;; at = (at + 1) & mask) {
      const slot = (index[at] ?? 0) - 1;
      if (slot < 0) return NONE;
      if (this.#low[slot] === low && this.#high[slot] === key) return slot;
    }
  }

  /** @returns the port that the slot's address is behind */
  portAt(slot: number): number {
    return this.#ports[slot] ?? NONE;
  }

  /** Whether the slot's address was bound. */
  isBoundAt(slot: number): boolean {
    return this.#states[slot] === BOUND;
  }

  /** Whether the slot's address may be used: it was bound, or heard of lately. */
  isFreshAt(slot: number, seconds: number): boolean {
    return this.#states[slot] === BOUND || seconds - (this.#seen[slot] ?? 0) < AGEING_SECONDS;
  }

  /** Binds an address to a port, whatever was bound or learned before. */
  bind(network: number, high: number, low: number, port: number): void {
    let slot = this.find(network, high, low);
    if (slot >= 0 && this.#states[slot] === LEARNED) {
      this.#remove(slot);
      slot = NONE;
    }
    if (slot < 0) {
      slot = this.#add((network << 16) | high, low);
      this.#states[slot] = BOUND;
      this.#bound++;
    }
    this.#ports[slot] = port;
  }

  /** Forgets a bound address. */
  unbind(network: number, high: number, low: number): void {
    const slot = this.find(network, high, low);
    if (slot >= 0 && this.#states[slot] === BOUND) this.#remove(slot);
  }

  /** Learns an address that has no slot. It may oust another: slots that were found before are not valid after it. */
  learn(seconds: number, network: number, high: number, low: number, port: number): void {
    this.#makeRoom(port);
    const slot = this.#add((network << 16) | high, low);
    this.#states[slot] = LEARNED;
    this.#learned++;
    this.#ports[slot] = port;
    this.#seen[slot] = seconds;
    this.#moves[slot] = 0;
    this.#link(slot, port);
  }

  /** A frame came from a learned address, at the port it is behind. */
  refresh(slot: number, seconds: number): void {
    if (this.#seen[slot] === seconds || this.#states[slot] !== LEARNED) return;
    this.#seen[slot] = seconds;
    const port = this.portAt(slot);
    this.#unlink(slot);
    this.#link(slot, port);
  }

  /**
   * A frame came from a learned address, at another port.
   * @returns false, and it stays where it was, when it has moved too often of late
   */
  move(slot: number, seconds: number, port: number): boolean {
    if (seconds - (this.#seen[slot] ?? 0) >= AGEING_SECONDS) this.#moves[slot] = 0;
    else if (this.#moves[slot] === 0 || seconds - (this.#movedAt[slot] ?? 0) >= FLAP_SECONDS) {
      this.#movedAt[slot] = seconds;
      this.#moves[slot] = 1;
    } else if ((this.#moves[slot] ?? 0) >= MAX_MOVES) return false;
    else this.#moves[slot] = (this.#moves[slot] ?? 0) + 1;
    this.#unlink(slot);
    this.#seen[slot] = seconds;
    this.#ports[slot] = port;
    // The port that it comes to may be at its bound.
    if (this.learnedBehind(port) >= this.#limits.maxLearnedPerPort) this.#oustOldest(port);
    this.#link(slot, port);
    return true;
  }

  /** Forgets what was learned behind a port. */
  forgetPort(port: number): void {
    while (this.#lists.has(port)) this.#oustOldest(port);
  }

  /** Forgets all of a network. */
  forgetNetwork(network: number): void {
    for (let slot = 0; slot < this.#slots; slot++) {
      if (this.#states[slot] !== FREE && (this.#high[slot] ?? 0) >>> 16 === network) this.#remove(slot);
    }
  }

  /**
   * Forgets learned addresses of which nothing was heard.
   * @param most so many at once, so that frames need not wait
   * @returns whether there are more
   */
  expire(seconds: number, most: number): boolean {
    let left = most;
    for (const [port, list] of this.#lists) {
      while (list.oldest !== NONE && !this.isFreshAt(list.oldest, seconds)) {
        if (left-- <= 0) return true;
        this.#oustOldest(port);
      }
    }
    return false;
  }

  #makeRoom(port: number): void {
    const { maxLearned, maxLearnedPerPort } = this.#limits;
    const own = this.learnedBehind(port);
    if (own >= maxLearnedPerPort) return this.#oustOldest(port);
    if (this.#learned < maxLearned) return;
    const sharers = this.#lists.size + (own === 0 ? 1 : 0);
    this.#oustOldest(own * sharers >= maxLearned ? port : this.#portWithMost());
  }

  #portWithMost(): number {
    let most = 0;
    let port = NONE;
    for (const [candidate, { count }] of this.#lists) {
      if (count <= most) continue;
      most = count;
      port = candidate;
    }
    return port;
  }

  #oustOldest(port: number): void {
    const slot = this.#lists.get(port)?.oldest ?? NONE;
    if (slot !== NONE) this.#remove(slot);
  }

  #link(slot: number, port: number): void {
    let list = this.#lists.get(port);
    if (list === undefined) this.#lists.set(port, list = new LearnedList());
    this.#newer[slot] = NONE;
    this.#older[slot] = list.newest;
    if (list.newest === NONE) list.oldest = slot;
    else this.#newer[list.newest] = slot;
    list.newest = slot;
    list.count++;
  }

  #unlink(slot: number): void {
    const port = this.portAt(slot);
    const list = this.#lists.get(port);
    if (list === undefined) return;
    const newer = this.#newer[slot] ?? NONE;
    const older = this.#older[slot] ?? NONE;
    if (newer === NONE) list.newest = older;
    else this.#older[newer] = older;
    if (older === NONE) list.oldest = newer;
    else this.#newer[older] = newer;
    if (--list.count === 0) this.#lists.delete(port);
  }

  #hashOf(key: number, low: number): number {
    return this.#hash.word(0, low) ^ this.#hash.word(1, key);
  }

  #add(key: number, low: number): number {
    if (this.#firstFree === NONE) this.#grow();
    const slot = this.#firstFree;
    this.#firstFree = this.#older[slot] ?? NONE;
    this.#high[slot] = key;
    this.#low[slot] = low;
    this.#place(slot);
    return slot;
  }

  #place(slot: number): void {
    const index = this.#index;
    const mask = index.length - 1;
    let at = this.#hashOf(this.#high[slot] ?? 0, this.#low[slot] ?? 0) & mask;
    while (index[at] !== 0) at = (at + 1) & mask;
    index[at] = slot + 1;
  }

  #remove(slot: number): void {
    if (this.#states[slot] === LEARNED) {
      this.#unlink(slot);
      this.#learned--;
    } else this.#bound--;
    const index = this.#index;
    const mask = index.length - 1;
    let hole = this.#hashOf(this.#high[slot] ?? 0, this.#low[slot] ?? 0) & mask;
    while (index[hole] !== slot + 1) hole = (hole + 1) & mask;
    // What was pushed behind the hole comes back, so that no search ends too early.
    for (let at = (hole + 1) & mask; index[at] !== 0; at = (at + 1) & mask) {
      const other = (index[at] ?? 0) - 1;
      const home = this.#hashOf(this.#high[other] ?? 0, this.#low[other] ?? 0) & mask;
      if (((at - home) & mask) < ((at - hole) & mask)) continue;
      index[hole] = other + 1;
      hole = at;
    }
    index[hole] = 0;
    this.#states[slot] = FREE;
    this.#older[slot] = this.#firstFree;
    this.#firstFree = slot;
  }

  #grow(): void {
    const former = this.#slots;
    this.#slots = 2 * former;
    this.#high = grown(this.#high);
    this.#low = grown(this.#low);
    this.#ports = grown(this.#ports);
    this.#seen = grown(this.#seen);
    this.#movedAt = grown(this.#movedAt);
    this.#newer = grown(this.#newer);
    this.#older = grown(this.#older);
    const moves = new Uint8Array(this.#slots);
    moves.set(this.#moves);
    this.#moves = moves;
    const states = new Uint8Array(this.#slots);
    states.set(this.#states);
    this.#states = states;
    this.#index = new Int32Array(2 * this.#slots);
    for (let slot = 0; slot < former; slot++) if (states[slot] !== FREE) this.#place(slot);
    this.#chainFree(former);
  }

  #chainFree(from: number): void {
    for (let slot = from; slot < this.#slots; slot++) this.#older[slot] = slot + 1;
    this.#older[this.#slots - 1] = NONE;
    this.#firstFree = from;
  }
}

function grown(array: Int32Array): Int32Array {
  const larger = new Int32Array(2 * array.length);
  larger.set(array);
  return larger;
}

/** @returns the time as the table counts it */
export function secondsOf(now: Millis): number {
  return Math.floor(now / 1000);
}

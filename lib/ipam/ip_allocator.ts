/**
 * Hands out the addresses of one block.
 * @module
 */

import { StateError, WeftError } from "../base/mod.ts";
import { AddressRange, Cidr, IpAddress } from "../net/mod.ts";
import { type Interval, IntervalSet } from "./interval_set.ts";

/** The address is not in the pool, or of the other family. */
export class OutOfRangeError extends WeftError {
  /** The failure's stable name, for programs. */
  readonly code = "OutOfRange";
}

/** The address is allocated already. */
export class AddressTakenError extends WeftError {
  /** The failure's stable name, for programs. */
  readonly code = "AddressTaken";
}

/** Every host of the pool is allocated. */
export class PoolExhaustedError extends WeftError {
  /** The failure's stable name, for programs. */
  readonly code = "PoolExhausted";
}

/** The address names the network itself or its broadcast, and can be no host's. */
export class ReservedAddressError extends WeftError {
  /** The failure's stable name, for programs. */
  readonly code = "ReservedAddress";
}

/** What an allocator remembers, fit for JSON. */
export interface IpAllocatorState {
  /** The pool in CIDR notation. */
  readonly cidr: string;
  /** The allocated addresses as ascending runs, both ends included. */
  readonly allocated: readonly (readonly [first: string, last: string])[];
  /** The parts that are allocated from, `first-last`; absent when that is all. */
  readonly slices?: readonly string[];
}

/**
 * Allocates the lowest free host of an IPv4 or IPv6 block. The network and broadcast addresses are nobody's; where
 * a block is too small to have them, all of its addresses are hosts:
 *
 *     IPv4 /30 and wider   all but the first and the last
 *     IPv4 /31, IPv6 /127  both (RFC 3021, RFC 6164)
 *     IPv4 /32, IPv6 /128  the one
 *     IPv6 /126 and wider  all but the first, the subnet-router anycast address (RFC 4291 §2.6.1)
 *
 * Memory follows the number of runs of allocated addresses, never the size of the block.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { Cidr } from "../net/mod.ts";
 * import { IpAllocator } from "./mod.ts";
 * const cidr = Cidr.parse("10.200.0.0/16");
 * if (!cidr) throw new Error("unreachable");
 * const pool = new IpAllocator(cidr);
 * assert.ok(pool.allocate().equals(pool.leaderAddress));
 * const second = pool.allocate();
 * assert.equal(second.toString(), "10.200.0.2");
 * assert.ok(pool.release(second) && pool.allocate().equals(second));
 * ```
 */
export class IpAllocator {
  /** The block that addresses are taken from. */
  readonly cidr: Cidr;
  readonly #firstHost: bigint;
  readonly #lastHost: bigint;
  readonly #allocated = new IntervalSet();
  /** What `allocate` takes from, in ascending order. */
  #slices: readonly Readonly<Interval>[];

  /** A pool of which nothing is allocated. @param cidr the block to take addresses from */
  constructor(cidr: Cidr) {
    this.cidr = cidr;
    const hostBits = cidr.address.bytes.length * 8 - cidr.prefixBits;
    this.#firstHost = cidr.network.toBigInt() + (hostBits > 1 ? 1n : 0n);
    this.#lastHost = cidr.broadcast.toBigInt() - (hostBits > 1 && cidr.family === 4 ? 1n : 0n);
    this.#slices = [{ first: this.#firstHost, last: this.#lastHost }];
  }

  /**
   * Restores what `toState` gave.
   * @throws StateError when `state` is anything else
   */
  static fromState(state: unknown): IpAllocator {
    const { cidr, allocated, slices } = Object(state) as Record<keyof IpAllocatorState, unknown>;
    const block = typeof cidr === "string" ? Cidr.parse(cidr) : undefined;
    if (block === undefined) throw new StateError("Cannot restore an address pool: its state names no block");
    const allocator = new IpAllocator(block);
    if (!Array.isArray(allocated)) {
      throw new StateError(`Cannot restore the address pool ${block}: its state has no list of addresses`);
    }
    for (const [i, run] of allocated.entries()) {
      if (!allocator.#appendRun(run)) {
        throw new StateError(
          `Cannot restore the address pool ${block}: run ${i} of its state is not one of hosts`,
        );
      }
    }
    if (slices !== undefined) allocator.#restoreSlices(slices);
    return allocator;
  }

  /** The pool as it is to be stored. @returns what `fromState` restores */
  toState(): IpAllocatorState {
    const text = (value: bigint) => IpAddress.fromBigInt(value, this.cidr.family).toString();
    return {
      cidr: this.cidr.toString(),
      allocated: this.#allocated.intervals().map(({ first, last }) => [text(first), text(last)]),
      ...this.#isWhole ? {} : { slices: this.slices.map(String) },
    };
  }

  /** The first host of the block, which the leader takes. */
  get leaderAddress(): IpAddress {
    return IpAddress.fromBigInt(this.#firstHost, this.cidr.family);
  }

  /** How many hosts the block has; above 2^53 the nearest number there is. */
  get capacity(): number {
    return Number(this.#lastHost - this.#firstHost + 1n);
  }

  /** How many addresses are allocated; above 2^53 the nearest number there is. */
  get allocatedCount(): number {
    return Number(this.#allocated.size);
  }

  /** The parts of the block that `allocate` takes from, in ascending order; all of its hosts before `setSlices`. */
  get slices(): readonly AddressRange[] {
    return this.#slices.map(({ first, last }) => AddressRange.fromBigInts(first, last, this.cidr.family));
  }

  /**
   * Lets `allocate` take from these parts only. Ranges may touch or overlap; what is no host is left out.
   * @throws OutOfRangeError when a range is not in the block
   */
  setSlices(ranges: readonly AddressRange[]): void {
    for (const range of ranges) {
      if (!this.cidr.contains(range.first) || !this.cidr.contains(range.last)) {
        throw new OutOfRangeError(`Cannot allocate from ${range}: it is not in ${this.cidr}`);
      }
    }
    const merged: Interval[] = [];
    const sorted = ranges.map(({ first, last }) => ({ first: first.toBigInt(), last: last.toBigInt() }))
      .map(({ first, last }) => ({ first: max(first, this.#firstHost), last: min(last, this.#lastHost) }))
      .filter(({ first, last }) => first <= last)
      .sort((a, b) => a.first < b.first ? -1 : a.first > b.first ? 1 : 0);
    for (const { first, last } of sorted) {
      const previous = merged.at(-1);
      if (previous !== undefined && first <= previous.last + 1n) previous.last = max(previous.last, last);
      else merged.push({ first, last });
    }
    this.#slices = merged;
  }

  /**
   * Gives up the upper half of the longest run of addresses above everything that was allocated in its slice, so that
   * somebody else may allocate from it without ever meeting an address of this pool.
   * @returns what was given up, or undefined when less than two are left
   */
  cutSlice(): AddressRange | undefined {
    let best: Readonly<{ slice: Readonly<Interval>; free: Readonly<Interval> }> | undefined;
    for (const slice of this.#slices) {
      const highest = this.#allocated.highestWithin(slice.first, slice.last);
      const free = { first: highest === undefined ? slice.first : highest + 1n, last: slice.last };
      if (free.last - free.first < 1n) continue;
      if (best === undefined || free.last - free.first > best.free.last - best.free.first) {
        best = { slice, free };
      }
    }
    if (best === undefined) return undefined;
    const { slice, free } = best;
    const first = free.last - (free.last - free.first + 1n) / 2n + 1n;
    this.#slices = this.#slices.map((each) =>
      each === slice ? { first: slice.first, last: first - 1n } : each
    );
    return AddressRange.fromBigInts(first, free.last, this.cidr.family);
  }

  /**
   * Takes the lowest free host of the slices.
   * @throws PoolExhaustedError when there is none
   */
  allocate(): IpAddress {
    for (const { first, last } of this.#slices) {
      const lowest = this.#allocated.firstMissing(first);
      if (lowest > last) continue;
      this.#allocated.add(lowest);
      return IpAddress.fromBigInt(lowest, this.cidr.family);
    }
    const size = this.#slices.reduce((sum, { first, last }) => sum + last - first + 1n, 0n);
    throw new PoolExhaustedError(
      `Cannot allocate an address in ${this.cidr}: all ${size}${
        this.#isWhole ? "" : " of this leader's"
      } are taken`,
      {
        hint: this.#isWhole
          ? "Remove members that are gone for good, or start the network with a wider --cidr."
          : "Remove members that are gone for good, or let another leader admit this one.",
        retryable: true,
      },
    );
  }

  /**
   * Takes this very address.
   * @throws OutOfRangeError when it is not in the block
   * @throws ReservedAddressError when it names the network or its broadcast
   * @throws AddressTakenError when it is allocated
   */
  allocateSpecific(address: IpAddress): void {
    if (!this.cidr.contains(address)) {
      throw new OutOfRangeError(`Cannot allocate ${address}: it is not in ${this.cidr}`);
    }
    const value = address.toBigInt();
    if (!this.#isHost(value)) {
      const what = value < this.#firstHost ? "network" : "broadcast";
      throw new ReservedAddressError(`Cannot allocate ${address}: it is the ${what} address of ${this.cidr}`);
    }
    if (!this.#allocated.add(value)) {
      throw new AddressTakenError(`Cannot allocate ${address}: the address is taken`, { retryable: true });
    }
  }

  /** Makes an address free again. @returns false when it was not allocated */
  release(address: IpAddress): boolean {
    return this.cidr.contains(address) && this.#allocated.delete(address.toBigInt());
  }

  /** Whether the address was handed out and not released. */
  isAllocated(address: IpAddress): boolean {
    return this.cidr.contains(address) && this.#allocated.has(address.toBigInt());
  }

  get #isWhole(): boolean {
    const [slice, ...others] = this.#slices;
    return others.length === 0 && slice?.first === this.#firstHost && slice.last === this.#lastHost;
  }

  #restoreSlices(slices: unknown): void {
    const ranges = Array.isArray(slices)
      ? slices.map((text) => typeof text === "string" ? AddressRange.parse(text) : undefined)
      : [undefined];
    if (
      ranges.some((range) =>
        range === undefined || !this.cidr.contains(range.first) || !this.cidr.contains(range.last)
      )
    ) {
      throw new StateError(`Cannot restore the address pool ${this.cidr}: its state has a part that is none`);
    }
    this.setSlices(ranges.filter((range) => range !== undefined));
  }

  #isHost(value: bigint): boolean {
    return this.#firstHost <= value && value <= this.#lastHost;
  }

  #appendRun(run: unknown): boolean {
    if (!Array.isArray(run) || run.length !== 2) return false;
    const [first, last] = run.map((text) => typeof text === "string" ? IpAddress.parse(text) : undefined);
    if (first?.family !== this.cidr.family || last?.family !== this.cidr.family) return false;
    const interval = { first: first.toBigInt(), last: last.toBigInt() };
    return this.#isHost(interval.first) && this.#isHost(interval.last) && this.#allocated.append(interval);
  }
}

function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

function min(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

/**
 * Hands out the addresses of one block.
 * @module
 */

import { StateError } from "../base/mod.ts";
import { Cidr, IpAddress } from "../net/mod.ts";
import { AddressTakenError, OutOfRangeError, PoolExhaustedError, ReservedAddressError } from "./errors.ts";
import { IntervalSet } from "./interval_set.ts";

/** What an allocator remembers, fit for JSON. */
export interface IpAllocatorState {
  /** The pool in CIDR notation. */
  readonly cidr: string;
  /** The allocated addresses as ascending runs, both ends included. */
  readonly allocated: readonly (readonly [first: string, last: string])[];
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

  constructor(cidr: Cidr) {
    this.cidr = cidr;
    const hostBits = cidr.address.bytes.length * 8 - cidr.prefixBits;
    this.#firstHost = cidr.network.toBigInt() + (hostBits > 1 ? 1n : 0n);
    this.#lastHost = cidr.broadcast.toBigInt() - (hostBits > 1 && cidr.family === 4 ? 1n : 0n);
  }

  /**
   * Restores what `toState` gave.
   * @throws StateError when `state` is anything else
   */
  static fromState(state: unknown): IpAllocator {
    const { cidr, allocated } = Object(state) as Record<keyof IpAllocatorState, unknown>;
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
    return allocator;
  }

  /** @returns what `fromState` restores */
  toState(): IpAllocatorState {
    const text = (value: bigint) => IpAddress.fromBigInt(value, this.cidr.family).toString();
    return {
      cidr: this.cidr.toString(),
      allocated: this.#allocated.intervals().map(({ first, last }) => [text(first), text(last)]),
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

  /**
   * Takes the lowest free host.
   * @throws PoolExhaustedError when there is none
   */
  allocate(): IpAddress {
    const lowest = this.#allocated.firstMissing(this.#firstHost);
    if (lowest > this.#lastHost) {
      throw new PoolExhaustedError(
        `Cannot allocate an address in ${this.cidr}: all ${this.capacity} are taken`,
        {
          hint: "Remove members that are gone for good, or start the network with a wider --cidr.",
          retryable: true,
        },
      );
    }
    this.#allocated.add(lowest);
    return IpAddress.fromBigInt(lowest, this.cidr.family);
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

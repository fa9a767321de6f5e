/**
 * Runs of addresses that need not be a prefix.
 * @module
 */

import { IpAddress, type IpFamily } from "./ip_address.ts";

/**
 * Addresses from the first to the last, both included. Immutable.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { AddressRange } from "./address_range.ts";
 * assert.equal(AddressRange.parse("10.0.0.1-10.0.0.9")?.size, 9n);
 * ```
 */
export class AddressRange {
  /** The lowest. */
  readonly first: IpAddress;
  /** The highest, which belongs to it. */
  readonly last: IpAddress;

  /**
   * Joins two addresses of one family.
   * @throws RangeError when the families are two, or the last address comes before the first
   */
  constructor(first: IpAddress, last: IpAddress) {
    if (first.family !== last.family || last.toBigInt() < first.toBigInt()) {
      throw new RangeError(`Cannot make a range from ${first} to ${last}`);
    }
    this.first = first;
    this.last = last;
  }

  /** Joins two addresses that are numbers. @returns the range of these numbers @throws RangeError when it is none */
  static fromBigInts(first: bigint, last: bigint, family: IpFamily): AddressRange {
    return new AddressRange(IpAddress.fromBigInt(first, family), IpAddress.fromBigInt(last, family));
  }

  /** Reads what `toString` wrote, `10.0.0.1-10.0.0.9`. @returns undefined when `text` is anything else */
  static parse(text: string): AddressRange | undefined {
    const [first, last, ...rest] = text.split("-").map(IpAddress.parse);
    if (first === undefined || last === undefined || rest.length > 0 || first.family !== last.family) {
      return undefined;
    }
    return last.toBigInt() < first.toBigInt() ? undefined : new AddressRange(first, last);
  }

  /** IPv4 or IPv6. */
  get family(): IpFamily {
    return this.first.family;
  }

  /** How many addresses it has. */
  get size(): bigint {
    return this.last.toBigInt() - this.first.toBigInt() + 1n;
  }

  /** Whether an address lies within. */
  contains(address: IpAddress): boolean {
    if (address.family !== this.family) return false;
    const value = address.toBigInt();
    return this.first.toBigInt() <= value && value <= this.last.toBigInt();
  }

  /** The range as text. */
  toString(): string {
    return `${this.first}-${this.last}`;
  }
}

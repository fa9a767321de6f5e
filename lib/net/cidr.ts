/**
 * Blocks of IP addresses in CIDR notation.
 * @module
 */

import { IpAddress, type IpFamily } from "./ip_address.ts";

/**
 * All addresses that share their first `prefixBits` bits (RFC 4632 §3.1, RFC 4291 §2.3). Immutable.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { Cidr } from "./cidr.ts";
 * import { IpAddress } from "./ip_address.ts";
 * const block = Cidr.parse("10.200.0.1/16");
 * const inside = IpAddress.parse("10.200.3.4");
 * assert.equal(block?.toString(), "10.200.0.0/16");
 * assert.ok(inside !== undefined && block?.contains(inside));
 * ```
 */
export class Cidr {
  /** The block's first address: every host bit is zero. */
  readonly address: IpAddress;
  /** How many leading bits are shared, 0 to 32 or 128. */
  readonly prefixBits: number;

  private constructor(address: IpAddress, prefixBits: number) {
    this.address = address;
    this.prefixBits = prefixBits;
  }

  /**
   * Reads `address/prefixBits`; host bits are cleared. The prefix length is required and has no leading zero.
   * @returns the block, or undefined when `text` is none
   */
  static parse(text: string): Cidr | undefined {
    const slash = text.indexOf("/");
    if (slash < 0) return undefined;
    const address = IpAddress.parse(text.slice(0, slash));
    const digits = text.slice(slash + 1);
    if (address === undefined || !/^(0|[1-9]\d{0,2})$/.test(digits)) return undefined;
    const prefixBits = Number(digits);
    return prefixBits <= addressBits(address) ? Cidr.of(address, prefixBits) : undefined;
  }

  /** The block of one address. @returns the block of just this address, /32 or /128 */
  static host(address: IpAddress): Cidr {
    return new Cidr(address, addressBits(address));
  }

  /**
   * The block around an address.
   * @param address any address of the block; its host bits are cleared
   * @param prefixBits 0 to 32 or 128
   * @throws RangeError when the family has no such prefix length
   */
  static of(address: IpAddress, prefixBits: number): Cidr {
    if (!Number.isInteger(prefixBits) || prefixBits < 0 || prefixBits > addressBits(address)) {
      throw new RangeError(
        `Cannot make a block ${address}/${prefixBits}: IPv${address.family} has no such prefix`,
      );
    }
    return new Cidr(withHostBits(address, prefixBits, 0x00), prefixBits);
  }

  /** IPv4 or IPv6. */
  get family(): IpFamily {
    return this.address.family;
  }

  /** The first address of the block. */
  get network(): IpAddress {
    return this.address;
  }

  /** The last address of the block, which IPv4 uses for broadcast. */
  get broadcast(): IpAddress {
    return withHostBits(this.address, this.prefixBits, 0xff);
  }

  /** Whether `address` is of this family and in the block. */
  contains(address: IpAddress): boolean {
    if (address.family !== this.family) return false;
    const wholeBytes = this.prefixBits >> 3;
    for (let i = 0; i < wholeBytes; i++) if (address.bytes[i] !== this.address.bytes[i]) return false;
    const difference = (address.bytes[wholeBytes] ?? 0) ^ (this.address.bytes[wholeBytes] ?? 0);
    return (difference >> (8 - (this.prefixBits & 7))) === 0;
  }

  /** Whether the blocks have an address in common. */
  overlaps(other: Cidr): boolean {
    return this.prefixBits <= other.prefixBits ? this.contains(other.address) : other.contains(this.address);
  }

  /** Whether both are the same block of the same family. */
  equals(other: Cidr): boolean {
    return this.prefixBits === other.prefixBits && this.address.equals(other.address);
  }

  /** The block as text. @returns `address/prefixBits` */
  toString(): string {
    return `${this.address}/${this.prefixBits}`;
  }
}

function addressBits(address: IpAddress): number {
  return address.bytes.length * 8;
}

function withHostBits(address: IpAddress, prefixBits: number, fill: 0x00 | 0xff): IpAddress {
  const bytes = address.bytes.map((byte, i) => {
    const sharedBits = Math.min(8, Math.max(0, prefixBits - 8 * i));
    const hostMask = 0xff >> sharedBits;
    return (byte & ~hostMask) | (fill & hostMask);
  });
  return IpAddress.fromBytes(bytes);
}

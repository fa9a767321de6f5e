/**
 * IP addresses of both families, their text forms and their order.
 * @module
 */

import { equalBytes } from "../base/mod.ts";

/** IPv4 or IPv6. */
export type IpFamily = 4 | 6;

// The longest form has an embedded IPv4 address: eight groups would be 39 characters.
const MAX_TEXT_LENGTH = "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255".length;

/**
 * An IPv4 or IPv6 address. Immutable. An IPv4-mapped IPv6 address is an IPv6 address until `unmapped` is asked.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { IpAddress } from "./ip_address.ts";
 * assert.equal(IpAddress.parse("2001:DB8:0:0::1")?.toString(), "2001:db8::1");
 * assert.equal(IpAddress.parse("10.0.0.256"), undefined);
 * ```
 */
export class IpAddress {
  /** IPv4 or IPv6. */
  readonly family: IpFamily;
  /** 4 or 16 bytes in network order; never write to them. */
  readonly bytes: Uint8Array;
  #text: string | undefined;

  private constructor(bytes: Uint8Array) {
    this.family = bytes.length === 4 ? 4 : 6;
    this.bytes = bytes;
  }

  /**
   * Reads dotted decimal without leading zeros, or the forms of RFC 4291 §2.2. No zone, brackets or white space.
   * @returns the address, or undefined when `text` is none
   */
  static parse(text: string): IpAddress | undefined {
    const bytes = text.includes(":") ? parseIpv6(text) : parseIpv4(text);
    return bytes && new IpAddress(bytes);
  }

  /**
   * Makes an address of its bytes.
   * @param bytes 4 or 16 bytes in network order; they are copied
   * @throws RangeError when there are neither 4 nor 16
   */
  static fromBytes(bytes: Uint8Array): IpAddress {
    if (bytes.length !== 4 && bytes.length !== 16) {
      throw new RangeError(`Cannot make an IP address of ${bytes.length} bytes: it has 4 or 16`);
    }
    return new IpAddress(new Uint8Array(bytes));
  }

  /**
   * Makes an address of its number.
   * @param value the address as one unsigned integer of 32 or 128 bits
   * @throws RangeError when it does not fit the family
   */
  static fromBigInt(value: bigint, family: IpFamily): IpAddress {
    const lengthBytes = family === 4 ? 4 : 16;
    if (value < 0n || value >> BigInt(lengthBytes * 8) !== 0n) {
      throw new RangeError(`Cannot make an IPv${family} address of ${value}: it has ${lengthBytes * 8} bits`);
    }
    return new IpAddress(Uint8Array.fromHex(value.toString(16).padStart(lengthBytes * 2, "0")));
  }

  /** The address as a number. @returns the address as one unsigned integer of 32 or 128 bits */
  toBigInt(): bigint {
    return BigInt("0x" + this.bytes.toHex());
  }

  /** The address as text. @returns dotted decimal, or the one canonical form of RFC 5952 */
  toString(): string {
    return this.#text ??= this.family === 4 ? this.bytes.join(".") : formatIpv6(this.bytes);
  }

  /** Whether both are the same address of the same family. */
  equals(other: IpAddress): boolean {
    return equalBytes(this.bytes, other.bytes);
  }

  /** Puts addresses in order. @returns negative, zero or positive, for sorting: IPv4 before IPv6, then by value */
  compare(other: IpAddress): number {
    if (this.family !== other.family) return this.family - other.family;
    for (let i = 0; i < this.bytes.length; i++) {
      const difference = this.#byte(i) - other.#byte(i);
      if (difference !== 0) return difference;
    }
    return 0;
  }

  /** `0.0.0.0` or `::`. */
  get isUnspecified(): boolean {
    return this.bytes.every((byte) => byte === 0);
  }

  /** In `127.0.0.0/8`, or `::1`. */
  get isLoopback(): boolean {
    if (this.family === 4) return this.#byte(0) === 127;
    return this.bytes.every((byte, i) => byte === (i === 15 ? 1 : 0));
  }

  /** In `169.254.0.0/16` or `fe80::/10`. */
  get isLinkLocal(): boolean {
    if (this.family === 4) return this.#byte(0) === 169 && this.#byte(1) === 254;
    return this.#byte(0) === 0xfe && (this.#byte(1) & 0xc0) === 0x80;
  }

  /** In `224.0.0.0/4` or `ff00::/8`. */
  get isMulticast(): boolean {
    return this.family === 4 ? this.#byte(0) >> 4 === 0xe : this.#byte(0) === 0xff;
  }

  /**
   * The IPv4 address within an IPv4-mapped one (RFC 4291 §2.5.5.2).
   * @returns the IPv4 address within `::ffff:0:0/96` (RFC 4291 §2.5.5.2), else this address
   */
  unmapped(): IpAddress {
    return this.family === 6 && isMapped(this.bytes) ? new IpAddress(this.bytes.slice(12)) : this;
  }

  #byte(index: number): number {
    return this.bytes[index] ?? 0;
  }
}

function isMapped(bytes: Uint8Array): boolean {
  for (let i = 0; i < 12; i++) if (bytes[i] !== (i < 10 ? 0 : 0xff)) return false;
  return true;
}

function parseIpv4(text: string): Uint8Array | undefined {
  // A leading zero is octal to some parsers and decimal to others (RFC 6943 §3.1.1), so it is neither here.
  const octets = /^(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})$/.exec(text);
  if (octets === null) return undefined;
  const values = octets.slice(1).map(Number);
  return values.every((value) => value <= 255) ? Uint8Array.from(values) : undefined;
}

function parseIpv6(text: string): Uint8Array | undefined {
  if (text.length > MAX_TEXT_LENGTH) return undefined;
  const [left = "", right, ...more] = text.split("::");
  if (more.length > 0) return undefined;
  const head = parseGroups(left, right === undefined);
  const tail = right === undefined ? [] : parseGroups(right, true);
  if (head === undefined || tail === undefined) return undefined;
  // RFC 4291 §2.2: "::" stands for one or more groups.
  const given = head.length + tail.length;
  if (right === undefined ? given !== 8 : given > 7) return undefined;
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  head.forEach((group, i) => view.setUint16(2 * i, group));
  tail.forEach((group, i) => view.setUint16(2 * (8 - tail.length + i), group));
  return bytes;
}

function parseGroups(text: string, mayEndInIpv4: boolean): number[] | undefined {
  if (text === "") return [];
  const parts = text.split(":");
  const groups: number[] = [];
  for (const [i, part] of parts.entries()) {
    if (/^[0-9a-fA-F]{1,4}$/.test(part)) {
      groups.push(parseInt(part, 16));
      continue;
    }
    const embedded = mayEndInIpv4 && i === parts.length - 1 ? parseIpv4(part) : undefined;
    if (embedded === undefined) return undefined;
    const view = new DataView(embedded.buffer);
    groups.push(view.getUint16(0), view.getUint16(2));
  }
  return groups;
}

function formatIpv6(bytes: Uint8Array): string {
  // RFC 5952 §5: a prefix known to hold an IPv4 address is shown with it.
  if (isMapped(bytes)) return `::ffff:${bytes.subarray(12).join(".")}`;
  const view = new DataView(bytes.buffer, bytes.byteOffset, 16);
  const groups = Array.from({ length: 8 }, (_, i) => view.getUint16(2 * i).toString(16));
  // RFC 5952 §4.2: "::" replaces the first of the longest runs of zero groups, never a single group.
  let runStart = 0;
  let runLength = 1;
  for (let start = 0; start < 8; start++) {
    let end = start;
    while (groups[end] === "0") end++;
    if (end - start > runLength) {
      runStart = start;
      runLength = end - start;
    }
  }
  if (runLength === 1) return groups.join(":");
  return `${groups.slice(0, runStart).join(":")}::${groups.slice(runStart + runLength).join(":")}`;
}

/**
 * Endpoints as the kernel writes them: `struct sockaddr_in6`, with IPv4 mapped into it, or `struct sockaddr_in`.
 * @module
 */

import { Endpoint, IpAddress } from "../../net/mod.ts";

const AF_INET = 2;
const AF_INET6 = 10;
/** The longest of them. */
export const SOCKADDR_BYTES = 28;
/** Bounds the memory that strangers can take. */
const MAX_CACHED = 4096;

/** @returns the address for a socket of `family`, or undefined when that cannot reach it */
export function encodeSocketAddress(endpoint: Endpoint, family: 4 | 6): Uint8Array | undefined {
  const { address, port } = endpoint;
  const out = new Uint8Array(family === 6 ? SOCKADDR_BYTES : 16);
  out[0] = family === 6 ? AF_INET6 : AF_INET;
  out[2] = port >> 8;
  out[3] = port & 255;
  if (family === 4) {
    if (address.family !== 4) return undefined;
    out.set(address.bytes, 4);
  } else if (address.family === 4) {
    // RFC 4291 §2.5.5.2: ::ffff:a.b.c.d
    out[18] = out[19] = 0xff;
    out.set(address.bytes, 20);
  } else out.set(address.bytes, 8);
  return out;
}

/** Where an address stands, and the address of this host that goes with it. */
interface Place {
  readonly at: number;
  readonly length: number;
  readonly localAt: number;
  readonly localLength: number;
}

/**
 * Turns what the kernel wrote into endpoints; the same address, reached at the same address of this host, gives the same
 * object while it is remembered.
 */
export class SocketAddressReader {
  readonly #cache = new Map<string, Endpoint>();
  // The one that was read last, and its bytes: most come in a row, and need no key then.
  readonly #lastBytes = new Uint8Array(24 + 16);
  #lastLength = 0;
  #last: Endpoint | undefined;

  /**
   * @param at where the address stands in `memory`
   * @param localAt where the address of this host stands, 4 or 16 bytes as the family has; 0 when it is not known
   */
  read(memory: Uint8Array, at: number, localAt = 0): Endpoint {
    const isIpv6 = memory[at] === AF_INET6;
    const length = isIpv6 ? 24 : 8;
    const localLength = localAt === 0 ? 0 : isIpv6 ? 16 : 4;
    if (this.#last !== undefined && this.#isLast(memory, { at, length, localAt, localLength })) {
      return this.#last;
    }
    const key = textOf(memory, at + 2, length - 2) + textOf(memory, localAt, localLength);
    let endpoint = this.#cache.get(key);
    if (endpoint === undefined) {
      const bytes = isIpv6 ? memory.slice(at + 8, at + 24) : memory.slice(at + 4, at + 8);
      const port = ((memory[at + 2] ?? 0) << 8) | (memory[at + 3] ?? 0);
      endpoint = new Endpoint(IpAddress.fromBytes(bytes).unmapped(), port);
      if (this.#cache.size >= MAX_CACHED) this.#cache.clear();
      this.#cache.set(key, endpoint);
    }
    this.#lastBytes.set(memory.subarray(at, at + length));
    this.#lastBytes.set(memory.subarray(localAt, localAt + localLength), length);
    this.#lastLength = length + localLength;
    this.#last = endpoint;
    return endpoint;
  }

  #isLast(memory: Uint8Array, place: Place): boolean {
    const { at, length, localAt, localLength } = place;
    if (length + localLength !== this.#lastLength) return false;
    for (let i = 0; i < length; i++) if (memory[at + i] !== this.#lastBytes[i]) return false;
    for (let i = 0; i < localLength; i++) {
      if (memory[localAt + i] !== this.#lastBytes[length + i]) return false;
    }
    return true;
  }
}

/** An even number of bytes as a key. */
function textOf(memory: Uint8Array, at: number, length: number): string {
  let text = "";
  for (let i = at; i < at + length; i += 2) {
    text += String.fromCharCode(((memory[i] ?? 0) << 8) | (memory[i + 1] ?? 0));
  }
  return text;
}

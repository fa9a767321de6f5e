/**
 * Endpoints as the kernel writes them: `struct sockaddr_in6`, with IPv4 mapped into it, or `struct sockaddr_in`.
 * @module
 */

import { Endpoint, IpAddress } from "../../net/mod.ts";

const AF_INET = 2;
const AF_INET6 = 10;
/** The longest of them. */
export const SOCKADDR_BYTES = 28;
/** The zone stands at the end, in the host's order. */
const ZONE_AT = 24;
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
  } else {
    out.set(address.bytes, 8);
    new DataView(out.buffer).setUint32(ZONE_AT, endpoint.zone, true);
  }
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
 * Who has sent to us, with what the way back needs. It lives and goes with the endpoint: a table beside it would make
 * every collection of garbage go through all sources of a flood.
 */
export class ReceivedEndpoint extends Endpoint {
  /** As the kernel wrote it. */
  readonly socketAddress: Uint8Array;
  /** The address of this host that it has called, 4 or 16 bytes; what is sent to it leaves from there. */
  local: Uint8Array | undefined;

  constructor(address: IpAddress, port: number, socketAddress: Uint8Array) {
    super(address, port, { zone: socketAddress.length === SOCKADDR_BYTES ? zoneOf(socketAddress) : 0 });
    this.socketAddress = socketAddress;
  }

  /** Of the socket that it has sent to. */
  get family(): 4 | 6 {
    return this.socketAddress.length === SOCKADDR_BYTES ? 6 : 4;
  }
}

/**
 * Turns what the kernel wrote into endpoints; the same address, reached at the same address of this host, gives the same
 * object while it is remembered.
 */
export class SocketAddressReader {
  readonly #cache = new Map<string, ReceivedEndpoint>();
  #lastKey = "";
  #last: ReceivedEndpoint | undefined;

  /**
   * @param at where the address stands in `memory`
   * @param localAt where the address of this host stands, 4 or 16 bytes as the family has; 0 when it is not known
   */
  read(memory: Uint8Array, at: number, localAt = 0): ReceivedEndpoint {
    const isIpv6 = memory[at] === AF_INET6;
    const nameBytes = isIpv6 ? SOCKADDR_BYTES : 8;
    const localBytes = localAt === 0 ? 0 : isIpv6 ? 16 : 4;
    let key = textOf(memory, at + 2, nameBytes - 2);
    if (localBytes > 0) key += textOf(memory, localAt, localBytes);
    let endpoint = key === this.#lastKey ? this.#last : this.#cache.get(key);
    if (endpoint === undefined) {
      const bytes = isIpv6 ? memory.slice(at + 8, at + 24) : memory.slice(at + 4, at + 8);
      const port = ((memory[at + 2] ?? 0) << 8) | (memory[at + 3] ?? 0);
      const socketAddress = memory.slice(at, at + (isIpv6 ? SOCKADDR_BYTES : 16));
      endpoint = new ReceivedEndpoint(IpAddress.fromBytes(bytes).unmapped(), port, socketAddress);
      if (this.#cache.size >= MAX_CACHED) this.#cache.clear();
      this.#cache.set(key, endpoint);
    }
    if (localBytes > 0) endpoint.local ??= memory.slice(localAt, localAt + localBytes);
    this.#lastKey = key;
    this.#last = endpoint;
    return endpoint;
  }
}

function zoneOf(socketAddress: Uint8Array): number {
  return new DataView(socketAddress.buffer, socketAddress.byteOffset).getUint32(ZONE_AT, true);
}

/** An even number of bytes as a key. */
function textOf(memory: Uint8Array, at: number, length: number): string {
  let text = "";
  for (let i = at; i < at + length; i += 2) {
    text += String.fromCharCode(((memory[i] ?? 0) << 8) | (memory[i + 1] ?? 0));
  }
  return text;
}

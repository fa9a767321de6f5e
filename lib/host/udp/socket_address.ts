/**
 * Endpoints as the kernel writes them: `struct sockaddr_in6`, with IPv4 mapped into it, or `struct sockaddr_in`.
 * @module
 */

import { Endpoint, IpAddress } from "../../net/mod.ts";
import { AF_INET, AF_INET6, Libc, SOCKADDR_BYTES } from "../ffi/mod.ts";

/** The zone stands at the end, in the host's order. */
const ZONE_AT = 24;
/** Bounds the memory that strangers can take. */
const MAX_CACHED = 4096;
const RECENT_SLOTS = 64;

/** @returns the address for a socket of `family`, or undefined when that cannot reach it */
export function encodeSocketAddress(endpoint: Endpoint, family: 4 | 6): Uint8Array<ArrayBuffer> | undefined {
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
  readonly lengthBytes: number;
  readonly localAt: number;
  readonly localBytes: number;
}

/**
 * Who has sent to us, with what the way back needs. It lives and goes with the endpoint: a table beside it would make
 * every collection of garbage go through all sources of a flood.
 */
export class ReceivedEndpoint extends Endpoint {
  /** As the kernel wrote it. */
  readonly socketAddress: Uint8Array;
  /** The address of this host that it has called, 4 or 16 bytes, if that is known. */
  readonly called: Uint8Array | undefined;
  /** What is sent to it leaves from there: the address that it has called, unless that is of no use any more. */
  local: Uint8Array | undefined;

  constructor(address: IpAddress, port: number, socketAddress: Uint8Array, called: Uint8Array | undefined) {
    super(address, port, { zone: socketAddress.length === SOCKADDR_BYTES ? zoneNumber(socketAddress) : 0 });
    this.socketAddress = socketAddress;
    this.called = called;
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
  /** Where each was found last, because a text as a key takes longer to make than everything else. */
  readonly #recent: (ReceivedEndpoint | undefined)[] = new Array(RECENT_SLOTS).fill(undefined);

  /**
   * @param at where the address stands in `memory`
   * @param localAt where the address of this host stands, 4 or 16 bytes as the family has; 0 when it is not known
   */
  read(memory: Uint8Array, at: number, localAt = 0): ReceivedEndpoint {
    const isIpv6 = memory[at] === AF_INET6;
    const nameBytes = isIpv6 ? SOCKADDR_BYTES : 8;
    const localBytes = localAt === 0 ? 0 : isIpv6 ? 16 : 4;
    // The port's lower byte and the address's last.
    const slot = ((memory[at + 3] ?? 0) ^ (memory[at + (isIpv6 ? 23 : 7)] ?? 0)) % RECENT_SLOTS;
    let endpoint = this.#recent[slot];
    const isSame = endpoint !== undefined && (endpoint.called?.length ?? 0) === localBytes &&
      startsWith(endpoint.socketAddress, memory, at, nameBytes) &&
      (endpoint.called === undefined || startsWith(endpoint.called, memory, localAt, localBytes));
    if (!isSame || endpoint === undefined) {
      endpoint = this.#find(memory, { at, lengthBytes: nameBytes, localAt, localBytes });
      this.#recent[slot] = endpoint;
    }
    endpoint.local = endpoint.called;
    return endpoint;
  }

  #find(memory: Uint8Array, { at, lengthBytes, localAt, localBytes }: Place): ReceivedEndpoint {
    const key = textOf(memory, at + 2, lengthBytes - 2) + textOf(memory, localAt, localBytes);
    const known = this.#cache.get(key);
    if (known !== undefined) return known;
    const isIpv6 = lengthBytes === SOCKADDR_BYTES;
    const bytes = isIpv6 ? memory.slice(at + 8, at + 24) : memory.slice(at + 4, at + 8);
    const port = ((memory[at + 2] ?? 0) << 8) | (memory[at + 3] ?? 0);
    const socketAddress = memory.slice(at, at + (isIpv6 ? SOCKADDR_BYTES : 16));
    const called = localBytes > 0 ? memory.slice(localAt, localAt + localBytes) : undefined;
    const endpoint = new ReceivedEndpoint(IpAddress.fromBytes(bytes).unmapped(), port, socketAddress, called);
    if (this.#cache.size >= MAX_CACHED) this.#cache.clear();
    this.#cache.set(key, endpoint);
    return endpoint;
  }
}

function zoneNumber(socketAddress: Uint8Array): number {
  return new DataView(socketAddress.buffer, socketAddress.byteOffset).getUint32(ZONE_AT, true);
}

/** Whether the first `length` bytes of `known` stand at `at`. */
function startsWith(known: Uint8Array, memory: Uint8Array, at: number, length: number): boolean {
  for (let i = 0; i < length; i++) if (known[i] !== memory[at + i]) return false;
  return true;
}

/** An even number of bytes as a key. */
function textOf(memory: Uint8Array, at: number, length: number): string {
  let text = "";
  for (let i = at; i < at + length; i += 2) {
    text += String.fromCharCode(((memory[i] ?? 0) << 8) | (memory[i + 1] ?? 0));
  }
  return text;
}

/**
 * The number of an interface of this process's namespace.
 * @param name `eth0`, or the number itself (RFC 4007 §11.2)
 * @returns undefined when there is no such interface
 */
export function zoneOf(name: string): number | undefined {
  const libc = Libc.open();
  const index = libc.interfaceIndex(name);
  libc.unload();
  if (index !== 0) return index;
  return /^[1-9]\d{0,8}$/.test(name) ? Number(name) : undefined;
}

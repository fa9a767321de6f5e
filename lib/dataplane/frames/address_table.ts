/**
 * Finding something by an IP address that lies in a packet.
 * @module
 */

import type { IpAddress, IpFamily } from "../../net/mod.ts";

interface Entry<T> {
  readonly address: IpAddress;
  readonly value: T;
}

/** A map by address; a look-up makes no object. */
export class AddressTable<T> {
  readonly #buckets = new Map<number, Entry<T>[]>();

  /** Keeps `value`, in the place of another one at the same address. */
  set(address: IpAddress, value: T): void {
    this.delete(address);
    const key = hashOf(address.bytes, 0, address.bytes.length);
    const bucket = this.#buckets.get(key);
    if (bucket === undefined) this.#buckets.set(key, [{ address, value }]);
    else bucket.push({ address, value });
  }

  delete(address: IpAddress): void {
    const key = hashOf(address.bytes, 0, address.bytes.length);
    const rest = this.#buckets.get(key)?.filter((entry) => !entry.address.equals(address));
    if (rest === undefined || rest.length === 0) this.#buckets.delete(key);
    else this.#buckets.set(key, rest);
  }

  /** @param at where an address of this family begins */
  find(bytes: Uint8Array, at: number, family: IpFamily): T | undefined {
    const lengthBytes = family === 4 ? 4 : 16;
    const bucket = this.#buckets.get(hashOf(bytes, at, lengthBytes));
    if (bucket === undefined) return undefined;
    for (const { address, value } of bucket) if (isAt(address, bytes, at, lengthBytes)) return value;
    return undefined;
  }
}

function isAt(address: IpAddress, bytes: Uint8Array, at: number, lengthBytes: number): boolean {
  const own = address.bytes;
  if (own.length !== lengthBytes) return false;
  for (let i = 0; i < lengthBytes; i++) if (own[i] !== bytes[at + i]) return false;
  return true;
}

/** Its inputs are addresses that the network's key has signed, so nobody outside makes them collide. */
function hashOf(bytes: Uint8Array, at: number, lengthBytes: number): number {
  let hash = lengthBytes;
  for (let i = at; i < at + lengthBytes; i += 4) {
    const word = ((bytes[i] ?? 0) << 24) | ((bytes[i + 1] ?? 0) << 16) | ((bytes[i + 2] ?? 0) << 8) |
      (bytes[i + 3] ?? 0);
    hash = Math.imul(hash, 31) + word | 0;
  }
  return hash;
}

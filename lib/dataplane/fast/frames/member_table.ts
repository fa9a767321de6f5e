/**
 * Which remote port a packet comes from: by network and the address of its sender.
 * @module
 */

import { type IpAddress, type IpFamily, ipSourceOffset } from "../../../net/mod.ts";
import type { CarriedNetwork } from "./frame_underlay.ts";

/** A member that has endpoints of a network. */
export interface Member {
  readonly port: number;
  readonly network: CarriedNetwork;
  readonly address: IpAddress;
}

/** The members of one network by their addresses; a lookup allocates nothing. */
export class MemberTable<T extends Member> {
  readonly #members = new Map<number, T[]>();
  #size = 0;
  #last: T | undefined;

  /** How many there are. */
  get size(): number {
    return this.#size;
  }

  add(member: T): void {
    const key = keyOf(member.address.bytes, 0, member.address.bytes.length);
    const bucket = this.#members.get(key);
    if (bucket === undefined) this.#members.set(key, [member]);
    else bucket.push(member);
    this.#size++;
  }

  remove(member: T): void {
    const key = keyOf(member.address.bytes, 0, member.address.bytes.length);
    const bucket = this.#members.get(key);
    const at = bucket?.indexOf(member) ?? -1;
    if (bucket === undefined || at < 0) return;
    bucket.splice(at, 1);
    if (bucket.length === 0) this.#members.delete(key);
    this.#size--;
    this.#last = undefined;
  }

  /** @param at where an IP packet of this `version` begins @returns who has sent it, or undefined */
  senderOf(bytes: Uint8Array, at: number, version: IpFamily): T | undefined {
    const source = at + ipSourceOffset(version);
    const last = this.#last;
    if (last !== undefined && isAt(last.address, bytes, source, version)) return last;
    const bucket = this.#members.get(keyOf(bytes, source, version === 4 ? 4 : 16));
    if (bucket === undefined) return undefined;
    for (const member of bucket) {
      if (isAt(member.address, bytes, source, version)) return this.#last = member;
    }
    return undefined;
  }
}

/** Whether an address of this family stands at `at`. */
export function isAt(address: IpAddress, bytes: Uint8Array, at: number, version: IpFamily): boolean {
  if (address.family !== version) return false;
  const own = address.bytes;
  for (let i = 0; i < own.length; i++) if (own[i] !== bytes[at + i]) return false;
  return true;
}

function keyOf(bytes: Uint8Array, at: number, lengthBytes: number): number {
  let key = 0;
  for (let i = 0; i < lengthBytes; i++) key = Math.imul(key ^ (bytes[at + i] ?? 0), 0x0100_0193);
  return key;
}

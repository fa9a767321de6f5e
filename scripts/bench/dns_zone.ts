/**
 * The zone that both servers of `deno task bench:dns` have.
 * @module
 */

import { reverseName } from "../../lib/dns/mod.ts";
import { IpAddress } from "../../lib/net/mod.ts";

/** How many members it has. */
export const MEMBERS = 1000;

/** @returns the name of a member, without its final dot */
export function memberName(index: number): string {
  return `node${index}.weft.internal`;
}

/** @returns the address of a member */
export function memberAddress(index: number): IpAddress {
  return IpAddress.fromBytes(Uint8Array.of(10, 200, index >> 8, index & 255));
}

/** @returns the zone as a file of hosts (hosts(5)), which dnsmasq reads */
export function hostsFile(): string {
  return members().map((i) => `${memberAddress(i)} ${memberName(i)}\n`).join("");
}

/** @returns queries for dnsperf: addresses of all names in no order, every tenth the name of an address */
export function queryFile(): string {
  // A step without a common divisor visits all of them.
  return members().map((i) => (i * 377) % MEMBERS)
    .map((i) => i % 10 === 0 ? `${reverseName(memberAddress(i))} PTR\n` : `${memberName(i)} A\n`).join("");
}

function members(): number[] {
  return Array.from({ length: MEMBERS }, (_, i) => i);
}

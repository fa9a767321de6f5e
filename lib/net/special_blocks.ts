/**
 * Blocks of addresses that are set apart (RFC 6890 §2.2).
 * @module
 */

import { Cidr } from "./cidr.ts";

/** In which no host has an address that others can send to. */
const HOSTLESS: readonly (readonly [block: string, what: string])[] = [
  ["127.0.0.0/8", "is this host itself"],
  ["169.254.0.0/16", "means something else on every link"],
  ["224.0.0.0/4", "is for multicast"],
  ["0.0.0.0/8", "has no hosts"],
  ["240.0.0.0/4", "has no hosts"],
  ["::1/128", "is this host itself"],
  ["::ffff:0:0/96", "is IPv4 in other words"],
  ["fe80::/10", "means something else on every link"],
  ["ff00::/8", "is for multicast"],
  ["::/128", "has no hosts"],
];

/** Which no host of the Internet has: private use, carriers' own, measurements, documentation. */
const PRIVATE: readonly string[] = [
  "10.0.0.0/8",
  "100.64.0.0/10",
  "172.16.0.0/12",
  "192.0.2.0/24",
  "192.168.0.0/16",
  "198.18.0.0/15",
  "198.51.100.0/24",
  "203.0.113.0/24",
  "2001:db8::/32",
  "fc00::/7",
];

/** A block that a network must not meet. */
export interface HostlessBlock {
  readonly block: Cidr;
  /** Why not, as in "is for multicast". */
  readonly what: string;
}

const HOSTLESS_BLOCKS: readonly HostlessBlock[] = HOSTLESS.map(([text, what]) => ({
  block: known(text),
  what,
}));
const PRIVATE_BLOCKS: readonly Cidr[] = PRIVATE.map(known);

/** @returns the first block without hosts that `network` overlaps, or undefined */
export function hostlessBlock(network: Cidr): HostlessBlock | undefined {
  return HOSTLESS_BLOCKS.find(({ block }) => block.overlaps(network));
}

/**
 * @returns whether no host of the Internet has an address in `network`
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { Cidr } from "./cidr.ts";
 * import { isPrivateBlock } from "./special_blocks.ts";
 * const blocks = ["10.200.0.0/16", "8.8.8.0/24"].map((text) => Cidr.parse(text) ?? assert.fail());
 * assert.deepEqual(blocks.map(isPrivateBlock), [true, false]);
 * ```
 */
export function isPrivateBlock(network: Cidr): boolean {
  return PRIVATE_BLOCKS.some((block) =>
    block.contains(network.address) && network.prefixBits >= block.prefixBits
  );
}

function known(text: string): Cidr {
  const block = Cidr.parse(text);
  if (block === undefined) throw new TypeError(`${text} is no block`);
  return block;
}

/**
 * How much of what may be in a book of entries.
 * @module
 */

/** How many entries one node may have; those that were taken back or have expired do not count. */
export const MAX_NODE_ENTRIES = 64;
/** How many entries the network's key may have, likewise. */
export const MAX_NETWORK_ENTRIES = 1024;
/**
 * How many are kept of those that were taken back, so that they do not come back from somebody who was away. All that
 * one origin has fits a vector of 384 KiB, with the longest keys.
 */
export const MAX_NODE_SPENT = 64;
/** The same of the network's key. */
export const MAX_NETWORK_SPENT = 128;
/**
 * How many entries each of the 64 origins may have among which the network's key divides what there is much of. With
 * MAX_ENDPOINTS of them in all, a hash puts 64 into each, and never as many as this.
 */
export const MAX_SHARD_ENTRIES = 256;
/** How many bytes of signed entries one node may have of each sort; and half as many whenever there are twice as many. */
export const MAX_NODE_ENTRY_BYTES: number = 256 << 10;
/** The same of what it took back. */
export const MAX_NODE_SPENT_BYTES: number = 64 << 10;
/** How many nodes may have as much: 256 MiB in all, and 64 MiB of what was taken back. */
export const FULL_SHARES = 1024;
/**
 * @param origin whose entries they are: of the network's key, of one of the origins among which it divides, of a node
 * @param areThere whether those are meant that are there, or those that were taken back
 * @returns how many are kept
 */
export function maxEntriesOf(origin: "network" | "shard" | "node", areThere: boolean): number {
  if (origin === "network") return areThere ? MAX_NETWORK_ENTRIES : MAX_NETWORK_SPENT;
  if (!areThere) return MAX_NODE_SPENT;
  return origin === "shard" ? MAX_SHARD_ENTRIES : MAX_NODE_ENTRIES;
}

/** What only the network's key may write. */
export const NETWORK_KINDS: ReadonlySet<string> = new Set([
  "mark",
  "policy",
  "recovery",
  "slice",
  "token",
  "token-use",
  "network",
  "route",
]);

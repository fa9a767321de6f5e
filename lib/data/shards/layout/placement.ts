/**
 * Which shard a key is in, and which members a shard is to be on.
 * @module
 */

import { utf8Bytes } from "../../../base/mod.ts";
import { blake2s } from "../../../crypto/mod.ts";
import type { PeerId } from "../../../service/mod.ts";

/**
 * The shard of a key. Of a key with a part between braces, as in `{ann}/cart`, that part alone counts, so that such keys are
 * together (as Redis Cluster's hash tags).
 * @param count of shards
 */
export function shardOf(key: string, count: number): number {
  const [, tag = key] = /\{([^{}]+)\}/.exec(key) ?? [];
  return count === 1 ? 0 : hashOf(tag) % count;
}

/**
 * Members by how well a shard is with them: rendezvous hashing (Thaler and Ravishankar 1998), so that a member that comes
 * or goes takes its share of shards and moves no other.
 */
export function ranked(collection: string, shard: number, members: readonly PeerId[]): readonly PeerId[] {
  const weight = new Map(members.map((member) => [member, hashOf(`${collection} ${shard} ${member}`)]));
  return [...weight.keys()].sort((a, b) =>
    (weight.get(b) ?? 0) - (weight.get(a) ?? 0) || (a < b ? -1 : Number(a > b))
  );
}

/** 48 bits, a number that is exact. */
function hashOf(text: string): number {
  const view = new DataView(blake2s(utf8Bytes(text)).buffer);
  return view.getUint32(0) * 0x1_0000 + view.getUint16(4);
}

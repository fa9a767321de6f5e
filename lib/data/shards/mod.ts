/**
 * Collections that are spread over members: keys are in shards, each shard has an owner that answers and others that follow
 * it, and one member, the home, decides where they are.
 *
 * ```
 *   program ──▶ $shards of the owner ──▶ ShardEngine ──▶ ShardCopy ──▶ engine
 *                                                           └─▶ Follower ══▶ ShardCopy of one that follows
 *   LayoutHome ══▶ its replicas, then all members: HeldCollection
 * ```
 *
 * It never decides by a majority of copies: whoever follows in step has all that was answered, and the home alone says who
 * follows in step.
 *
 * @module
 */

export {
  checkOptions,
  type Durability,
  isNewer,
  type LayoutKeys,
  LayoutSignatures,
  layoutValue,
  type Provenance,
  readLayout,
  type ShardLayout,
  shardOf,
  type ShardOptions,
  type ShardRecord,
} from "./layout/mod.ts";
export { SHARDS_SERVICE } from "./transactions/mod.ts";
export { ShardHost, type ShardHostParts } from "./shard_host.ts";

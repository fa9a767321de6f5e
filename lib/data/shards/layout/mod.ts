/**
 * Where the shards of a collection are: the layout, the home that decides and signs it, and which one is believed when the
 * home is gone.
 *
 * ```
 *   ranked() ──▶ decide() ──▶ LayoutHome ──▶ LayoutSignatures ══▶ members
 *                 mostTold() ◀══ what they tell, once the home is gone
 * ```
 *
 * It holds no data, and does not decide what callers may hear: the host of the shards does.
 *
 * @module
 */

export {
  canFollow,
  checkOptions,
  type Durability,
  holdersOf,
  isNewer,
  isSameSpread,
  layoutValue,
  membersOf,
  readLayout,
  readLayoutOf,
  type ShardLayout,
  type ShardOptions,
  type ShardRecord,
} from "./layout.ts";
export { LayoutHome } from "./layout_home.ts";
export { type LayoutKeys, LayoutSignatures, type Provenance } from "./layout_signature.ts";
export { shardOf } from "./placement.ts";
export { mostTold } from "./told_layouts.ts";

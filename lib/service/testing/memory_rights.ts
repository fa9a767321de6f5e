/**
 * What a network in memory does not let its nodes do.
 * @module
 */

import type { PeerId } from "../ports.ts";
import { showPath, TopicPath, TopicPattern } from "../topics/mod.ts";
import { ALL_RIGHTS, type MemoryRights } from "../../test_mesh/mod.ts";

export { ALL_RIGHTS, type MemoryRights, rightsOf } from "../../test_mesh/mod.ts";

/** What a node may not do, as patterns of paths and topics; of subscriptions, the patterns themselves. */
export type Forbidden = Partial<Record<"offer" | "publish" | "subscribe", readonly string[]>>;

/** @returns rights by which every node may do everything, but these what stands there */
export function allBut(
  forbidden: Readonly<Record<string, Forbidden>>,
  more: Partial<MemoryRights> = {},
): MemoryRights {
  const isFree = (peer: PeerId, kind: "offer" | "publish", path: TopicPath) =>
    !forbidden[peer]?.[kind]?.some((text) => TopicPattern.parse(text).match(path) !== undefined);
  return {
    ...ALL_RIGHTS,
    mayOffer: (peer, path) => isFree(peer, "offer", path),
    mayPublish: (peer, topic) => isFree(peer, "publish", topic),
    maySubscribe: (peer, pattern) => !forbidden[peer]?.subscribe?.includes(showPath(pattern)),
    mayJoinGroup: (peer, group) => {
      const path = TopicPath.tryParse(group);
      return path === undefined || isFree(peer, "offer", path);
    },
    ...more,
  };
}

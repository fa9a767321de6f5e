/**
 * What a network in memory lets its nodes do.
 * @module
 */

import type { ClaimOutcome, PeerId, ServiceRights } from "../ports.ts";
import { showPath, TopicPath, TopicPattern } from "../topics/mod.ts";

/** What every node takes the network to allow; `claim` is a leader's answer to one of them. */
export interface MemoryRights extends Omit<ServiceRights, "claim"> {
  claim(peer: PeerId, path: TopicPath): Promise<ClaimOutcome>;
}

/** Everybody may do everything: for tests of something else. */
export const ALL_RIGHTS: MemoryRights = {
  mayOffer: () => true,
  mayPublish: () => true,
  maySubscribe: () => true,
  mayJoinGroup: () => true,
  ownersOf: () => [],
  claim: () => Promise.resolve("granted"),
};

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

/** @param rights what holds now @returns the rights as one node asks for them */
export function rightsOf(self: PeerId, rights: () => MemoryRights): ServiceRights {
  return {
    mayOffer: (peer, path) => rights().mayOffer(peer, path),
    mayPublish: (peer, topic) => rights().mayPublish(peer, topic),
    maySubscribe: (peer, pattern) => rights().maySubscribe(peer, pattern),
    mayJoinGroup: (peer, group) => rights().mayJoinGroup(peer, group),
    ownersOf: (path) => rights().ownersOf(path),
    claim: (path) => rights().claim(self, path),
  };
}

/**
 * What a network in memory lets its nodes do.
 * @module
 */

import type { ClaimOutcome, PeerId, ServiceRights, TopicPath } from "../service/mod.ts";

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

/** @param rights what holds now @returns the rights as one node asks for them */
export function rightsOf(self: PeerId, rights: () => MemoryRights): ServiceRights {
  return {
    mayOffer: (peer, path) => rights().mayOffer(peer, path),
    mayPublish: (peer, topic) => rights().mayPublish(peer, topic),
    maySubscribe: (peer, pattern) => rights().maySubscribe(peer, pattern),
    hearingRights: (peer) => rights().hearingRights?.(peer) ?? "",
    mayJoinGroup: (peer, group) => rights().mayJoinGroup(peer, group),
    ownersOf: (path) => rights().ownersOf(path),
    claim: (path) => rights().claim(self, path),
  };
}

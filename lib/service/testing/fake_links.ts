/**
 * Links that take every message and lead nowhere.
 * @module
 */

import type { PeerLinks } from "../ports.ts";

/** @param parts what is to be otherwise */
export function fakeLinks(parts: Partial<PeerLinks>): PeerLinks {
  return {
    post: () => "queued",
    drained: () => Promise.resolve(),
    reach: () => Promise.resolve(true),
    openStream: () => undefined,
    rttMs: () => undefined,
    linked: () => [],
    ...parts,
  };
}

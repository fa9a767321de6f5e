/**
 * The links of other members and what has happened, for tests of those who show them.
 * @module
 */

import type { MemberLinks, TimelineEvent } from "../../api/mod.ts";

/** What the one other member says: a link to the node of `sampleStatus`. */
export const sampleLinks: readonly MemberLinks[] = [{
  id: "00112233445566778899aabbccddeeff",
  at: 1_760_000_000_000,
  denied: 2,
  links: [{
    id: "ffeeddccbbaa99887766554433221100",
    path: "relay",
    via: "second",
    rttMs: 9.5,
    rxBytes: 42,
    txBytes: 1_234_567,
    lastHandshakeAt: 1_759_999_988_000,
    healthy: true,
    hasChannel: true,
    why: "leader has answered at none of its endpoints for 12 s",
  }],
}];

/** A start, and what followed. */
export const sampleTimeline: readonly TimelineEvent[] = [
  { number: 1, at: 1_759_999_900_000, kind: "started", text: "this agent started, weft 0.1.0" },
  { number: 2, at: 1_759_999_910_000, kind: "joined", text: "web-1 joined", member: "web-1" },
];

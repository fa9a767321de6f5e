/**
 * The links of other members and what has happened, for tests of those who show them.
 * @module
 */

import type { DataReport, MemberLinks, TimelineEvent } from "../../api/mod.ts";

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

/** A collection that is kept and one whose owner is away, and a queue with a dead letter. */
export const sampleData: DataReport = {
  collections: [
    {
      name: "orders",
      owners: ["web-1"],
      state: "kept",
      at: 1_759_999_999_000,
      entries: 12_345,
      revision: 20_001,
      key: "id",
      index: ["status", "total"],
      write: "role=web",
      schemaVersion: 2,
    },
    { name: "sessions", owners: ["second"], state: "away" },
  ],
  queues: [{
    name: "mails",
    owners: ["web-1"],
    state: "kept",
    at: 1_759_999_999_000,
    waiting: 3,
    leased: 1,
    dead: 2,
    maxLength: 10_000,
  }],
};

/** A start, and what followed. */
export const sampleTimeline: readonly TimelineEvent[] = [
  { number: 1, at: 1_759_999_900_000, kind: "started", text: "this agent started, weft 0.1.0" },
  { number: 2, at: 1_759_999_910_000, kind: "joined", text: "web-1 joined", member: "web-1" },
];

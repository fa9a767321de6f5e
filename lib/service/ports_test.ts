import assert from "node:assert/strict";
import { randomUint32, SeededRandom } from "../base/mod.ts";
import { peerId, PeerTally } from "./ports.ts";

Deno.test("PeerTally has of each peer what was added and taken, whoever comes in turn", () => {
  const random = new SeededRandom(11);
  const tally = new PeerTally();
  const oracle = new Map<string, number>();
  for (let i = 0; i < 10_000; i++) {
    const peer = peerId(`peer-${randomUint32(random) % 3}`);
    const had = oracle.get(peer) ?? 0;
    const amount = had > 0 && randomUint32(random) % 2 === 0 ? -had : 1 + randomUint32(random) % 3;
    tally.add(peer, amount);
    oracle.set(peer, had + amount);
    for (const [name, sum] of oracle) assert.equal(tally.of(peerId(name)), sum);
  }
});

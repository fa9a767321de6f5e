import assert from "node:assert/strict";
import type { Denial } from "../../policy/mod.ts";
import { MAX_DENIALS, PolicyJournal } from "./policy_journal.ts";

const denial = (destinationPort: number, count = 1): Denial => ({
  at: 1_700_000_000_000,
  network: "mesh",
  direction: "in",
  source: "10.200.0.2",
  destination: "10.200.0.3",
  protocol: "tcp",
  sourcePort: 40_000,
  destinationPort,
  rule: "default",
  isTrial: false,
  count,
});
const report = (packets: number, denials: readonly Denial[] = []) => ({
  denials,
  counts: new Map([[0, { packets, bytes: 100 * packets, flows: 1 }]]),
  flows: 2,
});
const program = (revision: string) => ({ revision, evaluator: { ruleNames: ["web#1", "web#2"] } });

Deno.test("PolicyJournal.counts() sums what all have told, over programs of one document", () => {
  const journal = new PolicyJournal();
  journal.follow(program("a"));
  journal.handleReport("packets", report(5));
  journal.handleReport("packets", report(7));
  journal.handleReport("messages", report(1));
  assert.deepEqual(journal.counts().get("web#1"), { packets: 8, bytes: 800, flows: 2 });
  assert.deepEqual(journal.counts().get("web#2"), { packets: 0, bytes: 0, flows: 0 });
  assert.equal(journal.flows, 4);
  // Members have changed, and whoever counts begins anew.
  journal.follow(program("a"));
  journal.handleReport("packets", report(2));
  assert.equal(journal.counts().get("web#1")?.packets, 10);
  journal.follow(program("b"));
  assert.equal(journal.counts().get("web#1")?.packets, 0);
  journal.follow(undefined);
  assert.equal(journal.counts().size, 0);
});

Deno.test("PolicyJournal.read() gives what is kept, then what comes, and says what it has left out", async () => {
  const journal = new PolicyJournal();
  journal.handleReport("packets", report(0, [denial(1), denial(2, 4)]));
  assert.equal(journal.denied, 5);
  const past = journal.read(false);
  assert.deepEqual(await past.next(), denial(1));
  assert.deepEqual(await past.next(), denial(2, 4));
  assert.equal(await past.next(), undefined);
  const reader = journal.read(true);
  await reader.next();
  await reader.next();
  const waiting = reader.next();
  journal.handleReport("packets", report(0, [denial(3)]));
  assert.deepEqual(await waiting, denial(3));
  const many = Array.from({ length: 2 * MAX_DENIALS }, (_, i) => denial(i));
  journal.handleReport("packets", report(0, many));
  assert.equal(journal.denials.length, MAX_DENIALS);
  const line = await reader.next() ?? assert.fail();
  assert.ok("dropped" in line && line.dropped > 0);
  const next = await reader.next() ?? assert.fail();
  assert.ok("destinationPort" in next && next.destinationPort === line.dropped);
  const last = journal.read(true);
  for (let i = 0; i < MAX_DENIALS; i++) await last.next();
  const ended = last.next();
  last.end();
  assert.equal(await ended, undefined);
  journal.close();
});

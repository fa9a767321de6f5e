import assert from "node:assert/strict";
import { type DnsMessage, FLAG } from "./message.ts";
import { RECORD_TYPE } from "./record_type.ts";
import { nameOf } from "./testing/samples.ts";
import { record } from "./zone.ts";

import { address, Bench, corporate, everything, first, second } from "./testing/responder_bench.ts";
Deno.test("Responder forwards once for all who ask the same, and answers each in its own way", () => {
  const bench = new Bench(everything);
  assert.equal(bench.ask("Example.com", { to: "a" }).kind, "pending");
  assert.equal(bench.ask("eXample.com", { to: "b" }).kind, "pending");
  const sent = bench.serve(() => ({ answers: [address("example.com")], responseCode: 0 }));
  assert.deepEqual(sent, [`Example.com. ${first} udp`]);
  const replies = bench.replies();
  assert.deepEqual(replies.map(({ to }) => to), ["a", "b"]);
  assert.deepEqual(replies.map(({ message }) => message.answers[0]?.name.toString()), [
    "Example.com.",
    "eXample.com.",
  ]);
  assert(replies.every(({ message }) => message.id === 0x1234));
  assert.equal(replies[0]?.message.flags, FLAG.QR | FLAG.RD | FLAG.RA);
  assert.equal(bench.forwarder.pollFinished(), 1);
});

Deno.test("Responder never asks others for the names of its zone", () => {
  const bench = new Bench(everything);
  assert.equal(bench.answer("nobody.weft.internal").responseCode, 3);
  assert.deepEqual(bench.serve(), []);
});

Deno.test("Responder asks the servers of the longest suffix, and refuses what none has", () => {
  const bench = new Bench([
    { suffix: nameOf("example.com"), servers: [first] },
    { suffix: nameOf("corp.example.com"), servers: [corporate] },
    { suffix: nameOf("secret.corp.example.com"), servers: [] },
  ]);
  for (const name of ["a.example.com", "b.corp.example.com", "CORP.example.com"]) bench.ask(name);
  assert.deepEqual(bench.serve(), [
    `a.example.com. ${first} udp`,
    `b.corp.example.com. ${corporate} udp`,
    `CORP.example.com. ${corporate} udp`,
  ]);
  assert.equal(bench.answer("x.secret.corp.example.com").responseCode, 5);
  assert.equal(bench.answer("example.org").responseCode, 5);
  assert.equal(bench.answer("xexample.com").responseCode, 5);
});

Deno.test("Responder forwards nothing for a query without RD", () => {
  const bench = new Bench(everything);
  assert.equal(bench.answer("example.com", { flags: 0 }).responseCode, 5);
  bench.ask("example.com");
  bench.serve(() => ({ answers: [address("example.com")] }));
  assert.equal(bench.answer("example.com", { flags: 0 }).answers.length, 1);
});

Deno.test("Responder caches answers, with what is left of their TTLs", () => {
  const bench = new Bench(everything);
  bench.ask("example.com");
  bench.serve(() => ({ answers: [address("example.com", 60)] }));
  bench.replies();
  bench.advance(20_500);
  assert.equal(bench.answer("EXAMPLE.com").answers[0]?.ttlSeconds, 40);
  assert.equal(bench.counters.get("cache-hit"), 1);
  bench.advance(40_000);
  assert.equal(bench.ask("example.com").kind, "pending");
});

Deno.test("Responder caches negative answers by their SOA record, and no others", () => {
  const bench = new Bench(everything);
  const minimum = Uint8Array.of(0, 0, ...new Array(16).fill(0), 0, 0, 0, 30);
  const soa = record(nameOf("com"), RECORD_TYPE.SOA, 900, minimum);
  bench.ask("gone.com");
  bench.serve(() => ({ responseCode: 3, authority: [soa] }));
  assert.equal(bench.replies()[0]?.message.responseCode, 3);
  bench.advance(29_000);
  assert.equal(bench.answer("gone.com").responseCode, 3);
  bench.advance(2_000);
  assert.equal(bench.ask("gone.com").kind, "pending");
  bench.ask("bare.com");
  bench.serve(() => ({ responseCode: 3 }));
  assert.equal(bench.ask("bare.com").kind, "pending");
});

Deno.test("Responder answers SERVFAIL when no server answers, after trying them all", () => {
  const bench = new Bench(everything, { attemptTimeoutMs: 1000, maxAttempts: 3 });
  bench.ask("example.com");
  assert.deepEqual(bench.serve(), [`example.com. ${first} udp`]);
  bench.advance(999);
  assert.deepEqual(bench.serve(), []);
  bench.advance(1);
  assert.deepEqual(bench.serve(), [`example.com. ${second} udp`]);
  assert.equal(bench.forwarder.pollTimeout(), 2000);
  bench.advance(1000);
  assert.deepEqual(bench.serve(), [`example.com. ${first} udp`]);
  bench.advance(1000);
  const [reply] = bench.replies();
  assert.equal(reply?.message.responseCode, 2);
  assert.equal(bench.counters.get("forward-timeout"), 3);
  assert.equal(bench.forwarder.pollTimeout(), undefined);
  // For a second it is known that nobody answers.
  assert.equal(bench.answer("example.com").responseCode, 2);
  bench.advance(1000);
  assert.equal(bench.ask("example.com").kind, "pending");
});

Deno.test("Responder goes on to the next server when one fails or refuses", () => {
  const bench = new Bench(everything);
  bench.ask("example.com");
  const sent = bench.serve((_, server) =>
    server === first ? { responseCode: 5 } : { answers: [address("example.com")] }
  );
  assert.deepEqual(sent, [`example.com. ${first} udp`, `example.com. ${second} udp`]);
  assert.equal(bench.replies()[0]?.message.answers.length, 1);
  bench.ask("other.com");
  const attempt = bench.forwarder.pollTransmit()?.attempt ?? 0;
  bench.forwarder.handleFailure(bench.now, attempt);
  bench.forwarder.handleFailure(bench.now, attempt);
  assert.deepEqual(bench.serve(), [`other.com. ${second} udp`]);
});

Deno.test("Responder asks again over TCP when an answer is truncated", () => {
  const bench = new Bench(everything);
  bench.ask("example.com");
  const sent = bench.serve((_, _server, transport) =>
    transport === "udp" ? { flags: FLAG.QR | FLAG.TC } : { answers: [address("example.com")] }
  );
  assert.deepEqual(sent, [`example.com. ${first} udp`, `example.com. ${first} tcp`]);
  assert.equal(bench.replies()[0]?.message.answers.length, 1);
});

const forged: readonly (readonly [string, (query: DnsMessage) => Partial<DnsMessage>])[] = [
  ["another id", ({ id }) => ({ id: (id + 1) & 0xffff })],
  ["another name", () => ({ questions: [{ name: nameOf("evil.com"), type: 1, class: 1 }] })],
  ["another type", () => ({ questions: [{ name: nameOf("example.com"), type: 28, class: 1 }] })],
  ["no question", () => ({ questions: [] })],
  ["a query", () => ({ flags: FLAG.RD })],
];
for (const [what, change] of forged) {
  Deno.test(`Forwarder passes over a response with ${what}`, () => {
    const bench = new Bench(everything);
    bench.ask("example.com");
    bench.serve((query) => ({ answers: [address("example.com")], ...change(query) }));
    assert.deepEqual(bench.replies(), []);
    assert.equal(bench.counters.get("forward-mismatch"), 1);
    bench.forwarder.handleResponse(bench.now, 1, new Uint8Array(5));
    assert.equal(bench.counters.get("forward-mismatch"), 2);
    assert.equal(bench.ask("example.com").kind, "pending");
  });
}

Deno.test("Forwarder bounds what is under way", () => {
  const bench = new Bench(everything, { maxExchanges: 2, maxWaiters: 2 });
  for (const name of ["a.com", "a.com", "b.com"]) assert.equal(bench.ask(name).kind, "pending");
  for (const name of ["a.com", "c.com"]) assert.equal(bench.answer(name).responseCode, 2);
  assert.equal(bench.counters.get("forward-full"), 2);
});

Deno.test("Forwarder bounds its cache, and drops what was not used for longest", () => {
  const bench = new Bench(everything, { cacheCapacity: 2 });
  const fetch = (name: string): void => {
    bench.ask(name);
    bench.serve(() => ({ answers: [address(name)] }));
    bench.replies();
  };
  ["a.com", "b.com"].forEach(fetch);
  bench.answer("a.com");
  fetch("c.com");
  assert.equal(bench.answer("a.com").answers.length, 1);
  assert.equal(bench.ask("b.com").kind, "pending");
});

Deno.test("Forwarder draws another id for each attempt", () => {
  const bench = new Bench(everything);
  const ids = new Set<number>();
  for (let i = 0; i < 50; i++) bench.ask(`n${i}.com`);
  bench.serve((query) => void ids.add(query.id));
  assert(ids.size > 40);
});

Deno.test("Responder copies AD only for who knows it", () => {
  for (const [flags, expected] of [[FLAG.RD, 0], [FLAG.RD | FLAG.AD, FLAG.AD]] as const) {
    const bench = new Bench(everything);
    bench.ask("example.com", { flags });
    bench.serve(() => ({ flags: FLAG.QR | FLAG.AD, answers: [address("example.com")] }));
    assert.equal((bench.replies()[0]?.message.flags ?? 0) & FLAG.AD, expected);
  }
});

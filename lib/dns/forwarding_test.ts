import assert from "node:assert/strict";
import { type DnsMessage, FLAG } from "./message.ts";
import { RECORD_TYPE } from "./record_type.ts";
import { nameOf } from "./testing/samples.ts";
import { record } from "./zone.ts";

import {
  address,
  corporate,
  everything,
  first,
  ResponderHarness,
  second,
} from "./testing/responder_harness.ts";
Deno.test("Responder forwards once for all who ask the same, and answers each in its own way", () => {
  const harness = new ResponderHarness(everything);
  assert.equal(harness.ask("Example.com", { to: "a" }).kind, "pending");
  assert.equal(harness.ask("eXample.com", { to: "b" }).kind, "pending");
  const sent = harness.serve(() => ({ answers: [address("example.com")], responseCode: 0 }));
  assert.deepEqual(sent, [`Example.com. ${first} udp`]);
  const replies = harness.replies();
  assert.deepEqual(replies.map(({ to }) => to), ["a", "b"]);
  assert.deepEqual(replies.map(({ message }) => message.answers[0]?.name.toString()), [
    "Example.com.",
    "eXample.com.",
  ]);
  assert(replies.every(({ message }) => message.id === 0x1234));
  assert.equal(replies[0]?.message.flags, FLAG.QR | FLAG.RD | FLAG.RA);
  assert.equal(harness.forwarder.pollFinished(), 1);
});

Deno.test("Responder never asks others for the names of its zone", () => {
  const harness = new ResponderHarness(everything);
  assert.equal(harness.answer("nobody.weft.internal").responseCode, 3);
  assert.deepEqual(harness.serve(), []);
});

Deno.test("Responder asks the servers of the longest suffix, and refuses what none has", () => {
  const harness = new ResponderHarness([
    { suffix: nameOf("example.com"), servers: [first] },
    { suffix: nameOf("corp.example.com"), servers: [corporate] },
    { suffix: nameOf("secret.corp.example.com"), servers: [] },
  ]);
  for (const name of ["a.example.com", "b.corp.example.com", "CORP.example.com"]) harness.ask(name);
  assert.deepEqual(harness.serve(), [
    `a.example.com. ${first} udp`,
    `b.corp.example.com. ${corporate} udp`,
    `CORP.example.com. ${corporate} udp`,
  ]);
  assert.equal(harness.answer("x.secret.corp.example.com").responseCode, 5);
  assert.equal(harness.answer("example.org").responseCode, 5);
  assert.equal(harness.answer("xexample.com").responseCode, 5);
});

Deno.test("Responder forwards nothing for a query without RD", () => {
  const harness = new ResponderHarness(everything);
  assert.equal(harness.answer("example.com", { flags: 0 }).responseCode, 5);
  harness.ask("example.com");
  harness.serve(() => ({ answers: [address("example.com")] }));
  assert.equal(harness.answer("example.com", { flags: 0 }).answers.length, 1);
});

Deno.test("Responder caches answers, with what is left of their TTLs", () => {
  const harness = new ResponderHarness(everything);
  harness.ask("example.com");
  harness.serve(() => ({ answers: [address("example.com", 60)] }));
  harness.replies();
  harness.advance(20_500);
  assert.equal(harness.answer("EXAMPLE.com").answers[0]?.ttlSeconds, 40);
  assert.equal(harness.counters.get("cache-hit"), 1);
  harness.advance(40_000);
  assert.equal(harness.ask("example.com").kind, "pending");
});

Deno.test("Responder caches negative answers by their SOA record, and no others", () => {
  const harness = new ResponderHarness(everything);
  const minimum = Uint8Array.of(0, 0, ...new Array(16).fill(0), 0, 0, 0, 30);
  const soa = record(nameOf("com"), RECORD_TYPE.SOA, 900, minimum);
  harness.ask("gone.com");
  harness.serve(() => ({ responseCode: 3, authority: [soa] }));
  assert.equal(harness.replies()[0]?.message.responseCode, 3);
  harness.advance(29_000);
  assert.equal(harness.answer("gone.com").responseCode, 3);
  harness.advance(2_000);
  assert.equal(harness.ask("gone.com").kind, "pending");
  harness.ask("bare.com");
  harness.serve(() => ({ responseCode: 3 }));
  assert.equal(harness.ask("bare.com").kind, "pending");
});

Deno.test("Responder answers SERVFAIL when no server answers, after trying them all", () => {
  const harness = new ResponderHarness(everything, { attemptTimeoutMs: 1000, maxAttempts: 3 });
  harness.ask("example.com");
  assert.deepEqual(harness.serve(), [`example.com. ${first} udp`]);
  harness.advance(999);
  assert.deepEqual(harness.serve(), []);
  harness.advance(1);
  assert.deepEqual(harness.serve(), [`example.com. ${second} udp`]);
  assert.equal(harness.forwarder.pollTimeout(), 2000);
  harness.advance(1000);
  assert.deepEqual(harness.serve(), [`example.com. ${first} udp`]);
  harness.advance(1000);
  const [reply] = harness.replies();
  assert.equal(reply?.message.responseCode, 2);
  assert.equal(harness.counters.get("forward-timeout"), 3);
  assert.equal(harness.forwarder.pollTimeout(), undefined);
  // For a second it is known that nobody answers.
  assert.equal(harness.answer("example.com").responseCode, 2);
  harness.advance(1000);
  assert.equal(harness.ask("example.com").kind, "pending");
});

Deno.test("Responder goes on to the next server when one fails or refuses", () => {
  const harness = new ResponderHarness(everything);
  harness.ask("example.com");
  const sent = harness.serve((_, server) =>
    server === first ? { responseCode: 5 } : { answers: [address("example.com")] }
  );
  assert.deepEqual(sent, [`example.com. ${first} udp`, `example.com. ${second} udp`]);
  assert.equal(harness.replies()[0]?.message.answers.length, 1);
  harness.ask("other.com");
  const attempt = harness.forwarder.pollTransmit()?.attempt ?? 0;
  harness.forwarder.handleFailure(harness.now, attempt);
  harness.forwarder.handleFailure(harness.now, attempt);
  assert.deepEqual(harness.serve(), [`other.com. ${second} udp`]);
});

Deno.test("Responder asks again over TCP when an answer is truncated", () => {
  const harness = new ResponderHarness(everything);
  harness.ask("example.com");
  const sent = harness.serve((_, _server, transport) =>
    transport === "udp" ? { flags: FLAG.QR | FLAG.TC } : { answers: [address("example.com")] }
  );
  assert.deepEqual(sent, [`example.com. ${first} udp`, `example.com. ${first} tcp`]);
  assert.equal(harness.replies()[0]?.message.answers.length, 1);
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
    const harness = new ResponderHarness(everything);
    harness.ask("example.com");
    harness.serve((query) => ({ answers: [address("example.com")], ...change(query) }));
    assert.deepEqual(harness.replies(), []);
    assert.equal(harness.counters.get("forward-mismatch"), 1);
    harness.forwarder.handleResponse(harness.now, 1, new Uint8Array(5));
    assert.equal(harness.counters.get("forward-mismatch"), 2);
    assert.equal(harness.ask("example.com").kind, "pending");
  });
}

Deno.test("Forwarder bounds what is under way", () => {
  const harness = new ResponderHarness(everything, { maxExchanges: 2, maxWaiters: 2 });
  for (const name of ["a.com", "a.com", "b.com"]) assert.equal(harness.ask(name).kind, "pending");
  for (const name of ["a.com", "c.com"]) assert.equal(harness.answer(name).responseCode, 2);
  assert.equal(harness.counters.get("forward-full"), 2);
});

Deno.test("Forwarder bounds its cache, and drops what was not used for longest", () => {
  const harness = new ResponderHarness(everything, { cacheCapacity: 2 });
  const fetch = (name: string): void => {
    harness.ask(name);
    harness.serve(() => ({ answers: [address(name)] }));
    harness.replies();
  };
  ["a.com", "b.com"].forEach(fetch);
  harness.answer("a.com");
  fetch("c.com");
  assert.equal(harness.answer("a.com").answers.length, 1);
  assert.equal(harness.ask("b.com").kind, "pending");
});

Deno.test("Forwarder draws another id for each attempt", () => {
  const harness = new ResponderHarness(everything);
  const ids = new Set<number>();
  for (let i = 0; i < 50; i++) harness.ask(`n${i}.com`);
  harness.serve((query) => void ids.add(query.id));
  assert(ids.size > 40);
});

Deno.test("Responder copies AD only for who knows it", () => {
  for (const [flags, expected] of [[FLAG.RD, 0], [FLAG.RD | FLAG.AD, FLAG.AD]] as const) {
    const harness = new ResponderHarness(everything);
    harness.ask("example.com", { flags });
    harness.serve(() => ({ flags: FLAG.QR | FLAG.AD, answers: [address("example.com")] }));
    assert.equal((harness.replies()[0]?.message.flags ?? 0) & FLAG.AD, expected);
  }
});

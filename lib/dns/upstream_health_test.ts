import assert from "node:assert/strict";
import { FLAG } from "./message.ts";
import {
  address,
  corporate,
  everything,
  first,
  ResponderHarness,
  second,
} from "./testing/responder_harness.ts";
import { nameOf } from "./testing/samples.ts";

const single = [{ suffix: nameOf("."), servers: [first] }];
const good = () => ({ answers: [address("example.com")] });

/** Lets a question go unanswered. @returns when it failed, in milliseconds */
function failure(harness: ResponderHarness, name: string): number {
  const since = harness.now;
  if (harness.ask(name).kind === "response") return 0;
  for (;;) {
    harness.serve();
    if (harness.replies().length > 0) return harness.now - since;
    harness.advance(Math.max(1, (harness.forwarder.pollTimeout() ?? 0) - harness.now));
  }
}

const states = (harness: ResponderHarness): string[] =>
  harness.forwarder.upstreams().map(({ state }) => state);

Deno.test("Forwarder fails a question before resolvers give up, and the next ones at once", () => {
  const harness = new ResponderHarness(single);
  assert.deepEqual(states(harness), ["unknown"]);
  const took = failure(harness, "a.com");
  assert(took <= 4000, `${took} ms`);
  assert.deepEqual(states(harness), ["silent"]);
  assert.equal(harness.answer("b.com").responseCode, 2);
  assert.equal(harness.counters.get("forward-silent"), 1);
  // One question every two seconds is sent, and waited for briefly.
  harness.advance(2000);
  assert(failure(harness, "c.com") <= 1000);
  assert.equal(harness.answer("d.com").responseCode, 2);
  harness.advance(2000);
  assert.equal(harness.ask("example.com").kind, "pending");
  harness.serve(good);
  assert.equal(harness.replies()[0]?.message.answers.length, 1);
  assert.deepEqual(states(harness), ["answers"]);
  assert.equal(harness.ask("e.com").kind, "pending");
});

Deno.test("Forwarder answers the zone at once, whatever others do", () => {
  const harness = new ResponderHarness(single, { maxExchanges: 2 });
  for (const name of ["a.com", "b.com", "c.com"]) harness.ask(name);
  assert.equal(harness.answer("web-1.weft.internal").answers.length, 1);
  failure(harness, "d.com");
  assert.equal(harness.answer("web-1.weft.internal").answers.length, 1);
});

Deno.test("Forwarder takes the answer of a slow server though another was asked meanwhile", () => {
  const harness = new ResponderHarness(everything);
  harness.ask("example.com");
  const slow = harness.forwarder.pollTransmit();
  assert(slow);
  harness.advance(1000);
  assert.deepEqual(harness.serve(), [`example.com. ${second} udp`]);
  harness.advance(500);
  harness.respond(slow, good());
  assert.equal(harness.replies()[0]?.message.answers.length, 1);
  assert.deepEqual([harness.forwarder.pollFinished(), harness.forwarder.pollFinished()].toSorted(), [1, 2]);
  assert.equal(harness.forwarder.pollFinished(), undefined);
});

Deno.test("Forwarder asks the server that answers first, and the others again once they do", () => {
  const harness = new ResponderHarness(everything, {}, { probes: true });
  harness.ask("example.com");
  harness.serve();
  harness.advance(1000);
  harness.serve((_, server) => server === second ? good() : undefined);
  assert.equal(harness.replies().length, 1);
  harness.ask("a.com");
  assert.deepEqual(harness.serve((_, server) => server === second ? good() : undefined), [
    `a.com. ${second} udp`,
  ]);
  // The one that missed is probed, and has its place again.
  harness.advance(0);
  assert.deepEqual(harness.serve(() => ({ responseCode: 5 })), [`. ${first} udp`]);
  harness.ask("b.com");
  assert.deepEqual(harness.serve(), [`b.com. ${first} udp`]);
});

Deno.test("Forwarder asks a server that refuses once only, and gives up when all have", () => {
  const harness = new ResponderHarness(everything);
  harness.ask("example.com");
  const sent = harness.serve(() => ({ responseCode: 2 }));
  assert.deepEqual(sent, [`example.com. ${first} udp`, `example.com. ${second} udp`]);
  assert.equal(harness.replies()[0]?.message.responseCode, 2);
  assert.deepEqual(states(harness), ["answers", "answers"]);
});

Deno.test("Forwarder waits for a slow server when the other refuses", () => {
  const harness = new ResponderHarness(everything);
  harness.ask("example.com");
  const slow = harness.forwarder.pollTransmit();
  assert(slow);
  harness.advance(1000);
  harness.serve((_, server) => server === second ? { responseCode: 2 } : undefined);
  assert.deepEqual(harness.replies(), []);
  harness.respond(slow, good());
  assert.equal(harness.replies()[0]?.message.answers.length, 1);
});

Deno.test("Forwarder probes silent servers ever more seldom, each with a name of its own", () => {
  const routes = [...single, { suffix: nameOf("corp.test"), servers: [corporate] }];
  const harness = new ResponderHarness(routes, {}, { probes: true });
  harness.forwarder.probeAll(harness.now);
  assert.deepEqual(harness.serve((_, server) => server === corporate ? { responseCode: 3 } : undefined), [
    `corp.test. ${corporate} udp`,
    `. ${first} udp`,
  ]);
  assert.deepEqual(states(harness).toSorted(), ["answers", "unknown"]);
  const sent: number[] = [];
  while (harness.now < 60_000) {
    const due = harness.forwarder.pollTimeout();
    assert(due !== undefined);
    harness.advance(Math.max(1, due - harness.now));
    if (harness.serve().length > 0) sent.push(harness.now);
  }
  assert(states(harness).includes("silent"));
  // Three datagrams a probe, and a probe every 15 s in the end.
  assert(sent.length <= 24, sent.join());
  assert(sent.some((at) => at >= 50_000), sent.join());
  harness.advance(15_000);
  harness.serve(() => ({ responseCode: 0 }));
  assert.deepEqual(states(harness), ["answers", "answers"]);
});

Deno.test("Forwarder opens no more sockets than twice its questions, however slow the servers", () => {
  const harness = new ResponderHarness(everything, { maxExchanges: 4 });
  let open = 0;
  let most = 0;
  const count = (): void => {
    while (harness.forwarder.pollFinished() !== undefined) open--;
    open += harness.serve().length;
    most = Math.max(most, open);
  };
  for (let i = 0; i < 4; i++) harness.ask(`n${i}.com`);
  for (let i = 0; i < 4; i++) {
    count();
    harness.advance(1000);
  }
  count();
  assert(most <= 8, `${most}`);
  assert.equal(open, 0);
});

Deno.test("Forwarder counts no miss of a server that has answered another question meanwhile", () => {
  const harness = new ResponderHarness(single);
  harness.ask("broken.com");
  harness.serve();
  harness.advance(500);
  harness.ask("example.com");
  harness.serve(({ questions }) => questions[0]?.name.equals(nameOf("example.com")) ? good() : undefined);
  for (let i = 0; i < 4; i++) {
    harness.serve();
    harness.advance(1000);
  }
  assert.deepEqual(harness.replies().map(({ message }) => message.flags & FLAG.QR), [FLAG.QR, FLAG.QR]);
  assert.notEqual(states(harness)[0], "unknown");
});

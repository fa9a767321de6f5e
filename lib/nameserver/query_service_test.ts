import assert from "node:assert/strict";
import { SeededRandom, VirtualClock, VirtualTimers } from "../base/mod.ts";
import { type Asker, Authority, dnsCounters, DomainName, Forwarder } from "../dns/mod.ts";
import { Cidr, Endpoint } from "../net/mod.ts";
import { QueryService, type Reply } from "./query_service.ts";
import { UpstreamSockets } from "./upstream_sockets.ts";

function makeService(queriesPerSecond: number) {
  const clock = new VirtualClock();
  const counters = dnsCounters();
  const overlay = Cidr.parse("10.200.0.0/16");
  const own = Endpoint.parse("10.200.0.1:53")?.address;
  assert(overlay && own);
  const service = new QueryService({
    authority: new Authority({ origins: [DomainName.root], server: DomainName.root, serial: 1 }),
    forwarder: new Forwarder<Asker<Reply>>({ routes: [], counters, random: new SeededRandom(1) }),
    counters,
    clock,
    timers: new VirtualTimers(clock),
    upstream: new UpstreamSockets({
      openUdp: () => assert.fail(),
      dialTcp: () => assert.fail(),
    }, counters),
    clients: [overlay],
    queriesPerSecond,
    ownAddresses: () => [own],
  });
  const admits = (text: string): boolean => {
    const source = Endpoint.parse(text);
    assert(source);
    return service.admits(source);
  };
  return { admits, counters, clock };
}

const sources: readonly (readonly [string, boolean])[] = [
  ["10.200.3.4:1000", true],
  ["10.200.3.4:0", false],
  ["10.201.0.1:1000", false],
  ["192.0.2.1:1000", false],
  ["127.0.0.1:1000", true],
  ["[::1]:1000", true],
  ["[2001:db8::1]:1000", false],
];
for (const [source, isAdmitted] of sources) {
  Deno.test(`QueryService.admits() ${isAdmitted ? "takes" : "refuses"} ${source}`, () => {
    const { admits, counters } = makeService(10);
    assert.equal(admits(source), isAdmitted);
    assert.equal(counters.get("dropped-source"), isAdmitted ? 0 : 1);
  });
}

Deno.test("QueryService.admits() bounds each source, and not this host", () => {
  const { admits, counters, clock } = makeService(5);
  const count = (source: string): number =>
    Array.from({ length: 20 }, () => admits(source)).filter(Boolean).length;
  assert.equal(count("10.200.3.4:1000"), 5);
  assert.equal(count("10.200.3.5:1000"), 5);
  assert.equal(count("10.200.0.1:1000"), 20);
  assert.equal(counters.get("dropped-rate"), 30);
  clock.advance(1000);
  assert.equal(count("10.200.3.4:2000"), 5);
});

Deno.test("QueryService.admits() goes on bounding when more sources come than it remembers", () => {
  const { admits } = makeService(1);
  for (let i = 0; i < 10_000; i++) admits(`10.200.${i >> 8}.${i & 255}:1000`);
  const taken = [1, 2, 3].filter(() => admits("10.200.200.1:1000"));
  assert.equal(taken.length, 1);
});

Deno.test("QueryService.admits() takes part of a second's share for part of a second", () => {
  const { admits, clock } = makeService(10);
  const count = (): number => Array.from({ length: 15 }, () => admits("10.200.3.4:1")).filter(Boolean).length;
  assert.equal(count(), 10);
  clock.advance(500);
  assert.equal(count(), 5);
  clock.advance(60_000);
  assert.equal(count(), 10);
});

Deno.test("QueryService.admits() takes a whole second's share at once, at whatever time and rate", () => {
  for (const limit of [1, 3, 7, 30, 33, 999]) {
    const { admits, clock } = makeService(limit);
    for (const ms of [0, 12_345.678, 8.64e8]) {
      clock.advance(ms);
      const taken = Array.from({ length: 2 * limit }, () => admits("10.200.3.4:1")).filter(Boolean).length;
      assert.equal(taken, limit, `${limit} after ${ms} ms`);
      clock.advance(1000);
    }
  }
});

Deno.test("QueryService.admits() takes all without a limit, and none with a limit of 0", () => {
  for (const [limit, expected] of [[Infinity, 1000], [0, 0]] as const) {
    const { admits } = makeService(limit);
    assert.equal(Array.from({ length: 1000 }, () => admits("10.200.3.4:1")).filter(Boolean).length, expected);
  }
});

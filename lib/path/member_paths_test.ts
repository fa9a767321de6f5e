import assert from "node:assert/strict";
import { endpointAt, VirtualPaths } from "./testing/virtual_paths.ts";

const OPEN_A = { inside: "192.0.2.1:51820" };
const OPEN_B = { inside: "192.0.2.2:51820" };
const DIRECT = { at: "192.0.2.2:51820", kind: "direct" } as const;
const RELAY_A = "192.0.2.9:40001";
const RELAY_B = "192.0.2.9:40002";

function relayed(): VirtualPaths {
  const network = new VirtualPaths(OPEN_A, OPEN_B);
  network.relayed.set(RELAY_A, "b").set(RELAY_B, "a");
  network.tell("b", "relay", { at: RELAY_B, kind: "relay", via: "r" });
  return network;
}

/** Has packets flow for a while: 100 bytes each way every 100 ms. */
function use(network: VirtualPaths, seconds: number, receivedBytes = 100): void {
  for (let i = 0; i < seconds * 10; i++) {
    network.a.prober.noteTraffic(network.now, "b", { sentBytes: 100, receivedBytes });
    network.run(100);
  }
}

function hearsay(network: VirtualPaths, from: string, ...endpoints: readonly string[]): void {
  const list = endpoints.map((at) => ({ endpoint: endpointAt(at), kind: "direct" as const }));
  network.a.prober.addHearsay(network.now, "b", from, list);
}

const paths = (network: VirtualPaths) => network.a.prober.paths("b") ?? assert.fail();

Deno.test("MemberPaths stays on a path whose round trip becomes five times as long", () => {
  const network = new VirtualPaths(OPEN_A, OPEN_B);
  let oneWayMs = 40;
  network.delayMs = () => oneWayMs;
  network.tell("a", "stated", DIRECT);
  network.want("a");
  use(network, 5);
  oneWayMs = 200;
  use(network, 60);
  assert.equal(network.chosen("a"), DIRECT.at);
  const lost = network.a.events.filter((event) => event.kind === "chosen" && event.path === undefined);
  assert.equal(lost.length, 0);
  assert.ok((paths(network).chosen?.rttMs ?? 0) > 300);
});

Deno.test("MemberPaths takes a path whose round trip is longer than any first wait", () => {
  const network = new VirtualPaths(OPEN_A, OPEN_B);
  network.delayMs = () => 700;
  network.tell("a", "stated", DIRECT);
  network.want("a");
  use(network, 10, 0);
  assert.equal(network.chosen("a"), DIRECT.at);
});

Deno.test("MemberPaths asks back by the way that a question came, whose own had been lost", () => {
  const network = relayed();
  let isBound = false;
  // What A sends before B has bound its leg, and after its first rounds, is lost.
  network.loses = (to) => to === RELAY_A && !isBound;
  network.tell("a", "relay", { at: RELAY_A, kind: "relay", via: "r" });
  network.want("a");
  network.run(340);
  isBound = true;
  network.want("b");
  network.run(80);
  assert.equal(network.chosen("b"), RELAY_B);
  assert.equal(network.chosen("a"), RELAY_A);
});

Deno.test("MemberPaths gives hearsay a share, and never the place of what is known", () => {
  const network = relayed();
  for (const from of ["x", "y", "z"]) {
    hearsay(
      network,
      from,
      ...Array.from({ length: 16 }, (_, i) => `203.0.113.${i + 1}:${from.charCodeAt(0)}`),
    );
  }
  assert.equal(paths(network).all.length, 16);
  const stated = Array.from(
    { length: 20 },
    (_, i) => ({ at: `198.51.100.${i + 1}:51820`, kind: "direct" as const }),
  );
  network.tell("a", "stated", ...stated);
  network.tell("a", "relay", { at: RELAY_A, kind: "relay", via: "r" });
  assert.ok(paths(network).at(endpointAt(RELAY_A)) !== undefined);
  assert.ok(paths(network).all.length <= 32);
});

Deno.test("MemberPaths asks hearsay a few times, forgets it after a minute, and at once when its source is gone", () => {
  const network = new VirtualPaths(OPEN_A, OPEN_B);
  network.want("a");
  hearsay(network, "x", "203.0.113.1:1", "203.0.113.2:1");
  const before = network.sentBytes.a;
  use(network, 30, 0);
  assert.ok(network.sentBytes.a - before <= 2 * 6 * 56, `${network.sentBytes.a - before} bytes`);
  use(network, 31, 0);
  assert.equal(paths(network).all.length, 0);
  hearsay(network, "x", "203.0.113.1:1");
  network.a.prober.forgetHearsay(network.now, "x");
  assert.equal(paths(network).all.length, 0);
});

Deno.test("MemberPaths takes nobody's word that a relay's port is the member itself", () => {
  const network = relayed();
  network.tell("a", "relay", { at: RELAY_A, kind: "relay", via: "r" });
  network.want("a");
  network.run(100);
  hearsay(network, "r", RELAY_A);
  network.tell("a", "stated", { at: RELAY_A, kind: "direct" });
  network.run(100);
  assert.equal(paths(network).chosen?.kind, "relay");
  // Not either when this end uses it no more, and the other one still does.
  network.tell("a", "stated");
  network.tell("a", "relay");
  hearsay(network, "r");
  network.want("b");
  network.run(3_000);
  assert.equal(paths(network).at(endpointAt(RELAY_A)), undefined);
});

Deno.test("MemberPaths leaves a relay that carries probes and no packets", () => {
  const network = relayed();
  network.relayed.set("192.0.2.8:41001", "b").set("192.0.2.8:41002", "a");
  network.delayMs = (to) => to.startsWith("192.0.2.8") ? 30 : 5;
  network.tell("a", "relay", { at: RELAY_A, kind: "relay", via: "r" });
  network.want("a");
  network.run(100);
  network.tell("a", "other relay", { at: "192.0.2.8:41001", kind: "relay", via: "s" });
  use(network, 10, 0);
  assert.equal(paths(network).chosen?.via, "r");
  use(network, 8, 0);
  assert.equal(paths(network).chosen?.via, "s");
});

Deno.test("MemberPaths sends nothing longer than a narrow path carries while it looks for more", () => {
  const network = new VirtualPaths(OPEN_A, OPEN_B);
  network.loses = (_to, lengthBytes) => lengthBytes > 1_300;
  network.tell("a", "stated", DIRECT);
  network.want("a");
  use(network, 10);
  const known = paths(network).chosen?.mtu.payloadBytes ?? 0;
  assert.ok(known > 1_280 && known <= 1_300);
  for (let minute = 0; minute < 12; minute++) {
    for (let i = 0; i < 60; i++) {
      use(network, 1);
      assert.equal(paths(network).chosen?.mtu.payloadBytes, known);
    }
  }
});

Deno.test("MemberPaths asks ever more seldom for a member that is away", () => {
  const network = new VirtualPaths(OPEN_A, OPEN_B);
  network.loses = () => true;
  network.tell("a", "stated", DIRECT);
  network.want("a");
  use(network, 300, 0);
  const before = network.sentBytes.a;
  use(network, 300, 0);
  assert.ok(
    network.sentBytes.a - before <= 12 * 8 * 56,
    `${network.sentBytes.a - before} bytes in five minutes`,
  );
});

Deno.test("MemberPaths is not brought down by lost probes while packets come from there", () => {
  const network = new VirtualPaths(OPEN_A, OPEN_B);
  network.tell("a", "stated", DIRECT);
  network.want("a");
  network.run(100);
  network.loses = () => true;
  for (let i = 0; i < 100; i++) {
    const source = endpointAt(DIRECT.at);
    network.a.prober.noteTraffic(network.now, "b", { sentBytes: 9_000, receivedBytes: 9_000, source });
    network.run(100);
  }
  assert.equal(network.chosen("a"), DIRECT.at);
});

Deno.test("MemberPaths leaves the path to where a member was when that says that it has moved, and only then", () => {
  for (const hasMoved of [true, false]) {
    const network = relayed();
    network.tell("a", "stated", DIRECT);
    network.tell("a", "relay", { at: RELAY_A, kind: "relay", via: "r" });
    network.want("a");
    // It has just been heard from there, and says nothing itself.
    use(network, 3);
    network.loses = (to) => to === DIRECT.at || to === OPEN_A.inside;
    if (hasMoved) network.b.prober.handleMove(network.now);
    else network.b.prober.want(network.now, "a");
    network.run(200);
    assert.equal(network.chosen("a"), hasMoved ? RELAY_A : DIRECT.at);
  }
});

Deno.test("MemberPaths goes back to a path that a move has not ended, within a round trip", () => {
  const network = relayed();
  network.tell("a", "stated", DIRECT);
  network.tell("a", "relay", { at: RELAY_A, kind: "relay", via: "r" });
  network.want("a");
  use(network, 3);
  network.b.prober.handleMove(network.now);
  network.run(100);
  assert.equal(network.chosen("a"), DIRECT.at);
  assert.ok(paths(network).all.length <= 3);
});

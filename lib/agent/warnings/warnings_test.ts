import assert from "node:assert/strict";
import { type Logger, MemoryStateStore, unixMillis, VirtualClock } from "../../base/mod.ts";
import { type NodeId, type NodeIdentity, Replica, signStatement } from "../../mesh/mod.ts";
import { address, START, TestNetwork } from "../../mesh/testing/test_network.ts";
import { Endpoint } from "../../net/mod.ts";
import { clockWarnings } from "./clock_warnings.ts";
import { InstanceWatch } from "./instance_watch.ts";
import { nameWarnings } from "./name_warnings.ts";
import { type Warning, Warnings } from "./warnings.ts";

const OWN = "00".repeat(8);

function setUp() {
  const network = new TestNetwork(51);
  const { id: networkId, verifyingKey } = network.identity;
  const clock = new VirtualClock(START);
  const replica = new Replica(new MemoryStateStore(), { networkId, verifyingKey, clock });
  const { roster } = replica;
  const [self, web] = [network.node(), network.node()];
  roster.merge(network.signed(self, { name: "self", addresses: [address("10.200.0.1")] }));
  roster.merge(network.signed(web, { name: "web", addresses: [address("10.200.0.2")] }));
  const mesh = { roster, identity: self };
  let restated = 0;
  const watch = new InstanceWatch(mesh, { clock, own: OWN, restate: () => restated++ });
  replica.subscribe(watch);
  replica.deliverEvents();
  let version = 0;
  const state = (node: NodeIdentity, instance: string, at = "192.0.2.1:51820") => {
    const endpoints = [Endpoint.parse(at) ?? assert.fail()];
    const said = { nodeId: node.id, endpoints, channelEndpoints: endpoints, labels: {}, issuedAt: START };
    roster.mergeStatement(signStatement({ ...said, version: ++version, instance }, node.signingKey));
    replica.deliverEvents();
    return watch.warnings().map(({ text }) => text);
  };
  return { network, roster, clock, self, web, mesh, watch, state, restated: () => restated };
}

Deno.test("InstanceWatch takes restarts for what they are, and two machines in turns for two", () => {
  const { web, state, clock, watch } = setUp();
  const [a, b, c] = ["aa", "bb", "cc"].map((digits) => digits.repeat(8)) as [string, string, string];
  for (const instance of [a, a, b, b, c, "dd".repeat(8)]) assert.deepEqual(state(web, instance), []);
  assert.deepEqual(state(web, c, "192.0.2.2:51820"), [
    "two machines run with the keys of web, at 192.0.2.1:51820 and at 192.0.2.2:51820",
  ]);
  clock.advance(120_001);
  assert.deepEqual(watch.warnings(), [], "one of both was stopped");
});

Deno.test("InstanceWatch knows itself from its own statements, and from one that was late", () => {
  const { self, state, restated } = setUp();
  const former = "ee".repeat(8);
  assert.deepEqual(state(self, OWN), []);
  assert.deepEqual(state(self, former), [], "its clock may have been set back since");
  assert.deepEqual(state(self, OWN), []);
  assert.deepEqual(state(self, former, "192.0.2.9:51820"), [
    "another machine runs with the keys of this node, at 192.0.2.9:51820",
  ]);
  assert.equal(restated(), 1, "at once, and then with the upkeep");
});

Deno.test("clockWarnings() tells whose clock is wrong by most of them", () => {
  const { mesh, web } = setUp();
  const hour = 3_600_000;
  const texts = (...skewsMs: readonly number[]) => {
    const ids = [web.id, ...skewsMs.slice(1).map((_, i) => `${i}`.repeat(32) as NodeId)];
    return clockWarnings(mesh, new Map(skewsMs.map((skew, i) => [ids[i] ?? web.id, skew]))).map(({ text }) =>
      text
    );
  };
  assert.deepEqual(texts(), []);
  assert.deepEqual(texts(299_000, -299_000), []);
  assert.deepEqual(texts(-hour), ["the clock of web is 60 min behind this host's; one of both is wrong"]);
  assert.deepEqual(texts(-hour, -hour), ["this host's clock is 60 min ahead of its peers'"]);
  assert.deepEqual(texts(hour, hour, 0), ["this host's clock is 60 min behind its peers'"]);
  assert.deepEqual(texts(hour, 0), ["the clock of web is 60 min ahead of this host's and others'"]);
  assert.deepEqual(texts(hour, 0, 10), ["the clock of web is 60 min ahead of this host's and others'"]);
});

Deno.test("nameWarnings() tells both of one name, then who was called something else", () => {
  const { network, roster, mesh, web, self } = setUp();
  const other = network.node();
  const late = { name: "web", namedAt: unixMillis(START + 1), addresses: [address("10.200.0.3")] };
  roster.merge(network.signed(other, late));
  const texts = (identity: NodeIdentity) => nameWarnings({ roster, identity }).map(({ text }) => text);
  assert.deepEqual(texts(self), ["2 members are called web: 10.200.0.2, 10.200.0.3"]);
  roster.merge(network.signed(other, { ...late, name: "web-2", formerName: "web", version: 2 }));
  assert.deepEqual(texts(other), [
    "this node was called web and is called web-2 now: 10.200.0.2 had been given that name first",
  ]);
  assert.deepEqual(texts(web), [
    "the member at 10.200.0.3 was called web and is called web-2 now: this node had been given that name first",
  ]);
  assert.equal(nameWarnings(mesh).length, 1);
});

Deno.test("Warnings.look() logs what is new and what is over, each once", () => {
  const lines: string[] = [];
  const note = (level: string) => (text: string) => void lines.push(`${level} ${text}`);
  const log: Logger = { debug: note("debug"), info: note("info"), warn: note("warn"), error: note("error") };
  let now: Warning[] = [];
  const warnings = new Warnings([() => now], log);
  assert.deepEqual(warnings.look(), []);
  now = [{ kind: "clock", about: "self", text: "60 min ahead", hint: "Set it." }];
  assert.deepEqual(warnings.look(), [{ kind: "clock", text: "60 min ahead", hint: "Set it." }]);
  now = [{ kind: "clock", about: "self", text: "61 min ahead", hint: "Set it." }];
  warnings.look();
  now = [];
  warnings.look();
  assert.deepEqual(lines, ["warn 60 min ahead", "info no more so: 61 min ahead"]);
});

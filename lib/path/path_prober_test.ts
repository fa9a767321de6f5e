import assert from "node:assert/strict";
import { millis, SeededRandom, unixMillis } from "../base/mod.ts";
import { PrivateKey } from "../crypto/mod.ts";
import { derivePairKeys } from "./pair_keys.ts";
import { PathProber } from "./path_prober.ts";
import { encodeAsk } from "./probe.ts";
import { endpointAt, VirtualPaths } from "./testing/virtual_paths.ts";

const HOME_A = { inside: "192.168.1.10:51820", nat: { outside: "198.51.100.1:51820", filters: true } };
const HOME_B = { inside: "192.168.1.20:51820", nat: { outside: "198.51.100.2:51820", filters: true } };
const OPEN_A = { inside: "192.0.2.1:51820" };
const OPEN_B = { inside: "192.0.2.2:51820" };

Deno.test("PathProber", async (t) => {
  await t.step("finds the one of several endpoints that answers, in one round trip", () => {
    const network = new VirtualPaths(OPEN_A, OPEN_B);
    network.tell("a", "stated", { at: "10.9.9.9:51820", kind: "direct" }, {
      at: "192.0.2.2:51820",
      kind: "direct",
    });
    network.want("a");
    network.run(21);
    assert.equal(network.chosen("a"), "192.0.2.2:51820");
  });

  await t.step("who is asked learns where the other one is", () => {
    const network = new VirtualPaths(HOME_A, OPEN_B);
    network.tell("a", "stated", { at: "192.0.2.2:51820", kind: "direct" });
    network.want("a");
    network.run(100);
    assert.equal(network.chosen("b"), "198.51.100.1:51820");
    const seen = network.a.events.find((event) => event.kind === "seen");
    assert.equal(seen?.kind === "seen" && seen.at.toString(), "198.51.100.1:51820");
  });

  await t.step("questions that nobody heard are held against no path that answers now", () => {
    const network = new VirtualPaths(OPEN_A, OPEN_B);
    let isDeaf = true;
    network.loses = () => isDeaf;
    network.tell("a", "stated", { at: "192.0.2.2:51820", kind: "direct" });
    network.want("a");
    network.run(450);
    isDeaf = false;
    network.run(2_000);
    const chosen = network.a.events.filter(({ kind }) => kind === "chosen");
    assert.equal(chosen.length, 1);
  });

  await t.step("two behind NATs that filter meet when both are told of each other", () => {
    const network = new VirtualPaths(HOME_A, HOME_B);
    network.tell("a", "introduced", { at: "198.51.100.2:51820", kind: "direct" });
    network.want("a");
    network.run(60);
    assert.equal(network.chosen("a"), undefined);
    network.tell("b", "introduced", { at: "198.51.100.1:51820", kind: "direct" });
    network.want("b");
    network.run(300);
    assert.equal(network.chosen("a"), "198.51.100.2:51820");
    assert.equal(network.chosen("b"), "198.51.100.1:51820");
  });

  await t.step("packets begin by a relay, go on directly, and come back to the relay within 3 s", () => {
    const network = new VirtualPaths(OPEN_A, OPEN_B);
    network.relayed.set("192.0.2.9:40001", "b").set("192.0.2.9:40002", "a");
    network.delayMs = (to) => to.startsWith("192.0.2.9") ? 4 : 10;
    let isCut = true;
    network.loses = (to) => isCut && !to.startsWith("192.0.2.9");
    network.tell("a", "relay", { at: "192.0.2.9:40001", kind: "relay", via: "r" });
    network.tell("b", "relay", { at: "192.0.2.9:40002", kind: "relay", via: "r" });
    network.tell("a", "stated", { at: "192.0.2.2:51820", kind: "direct" });
    network.want("a");
    network.run(30);
    assert.equal(network.chosen("a"), "192.0.2.9:40001");
    isCut = false;
    network.run(1_500);
    assert.equal(network.chosen("a"), "192.0.2.2:51820");
    isCut = true;
    const lostAt = network.now;
    while (network.chosen("a") !== "192.0.2.9:40001" && network.now < lostAt + 5_000) {
      network.a.prober.noteTraffic(network.now, "b", { sentBytes: 1_000, receivedBytes: 0 });
      network.run(100);
    }
    assert.ok(network.now - lostAt < 3_000, `it took ${network.now - lostAt} ms`);
  });

  await t.step("of two paths that work the better one is taken, and a little does not count", () => {
    const network = new VirtualPaths(OPEN_A, OPEN_B);
    let other = 10;
    network.delayMs = (to) => to === "[2001:db8::2]:51820" ? other : 10;
    const deliver = network.b.inside;
    network.relayed.set("[2001:db8::2]:51820", "b").set("[2001:db8::1]:51820", "a");
    network.tell("a", "stated", { at: deliver, kind: "direct" }, {
      at: "[2001:db8::2]:51820",
      kind: "direct",
    });
    network.want("a");
    network.run(100);
    const first = network.chosen("a");
    other = 60;
    for (let i = 0; i < 100; i++) {
      network.a.prober.noteTraffic(network.now, "b", { sentBytes: 100, receivedBytes: 100 });
      network.run(1_000);
    }
    assert.equal(network.chosen("a"), deliver);
    assert.ok(first === deliver || first === "[2001:db8::2]:51820");
  });

  await t.step("a path that cuts long datagrams silently is measured", () => {
    const network = new VirtualPaths(OPEN_A, OPEN_B);
    network.loses = (_to, lengthBytes) => lengthBytes > 1_272;
    network.tell("a", "stated", { at: "192.0.2.2:51820", kind: "direct" });
    network.want("a");
    for (let i = 0; i < 100; i++) {
      network.a.prober.noteTraffic(network.now, "b", { sentBytes: 100, receivedBytes: 100 });
      network.run(100);
    }
    const bytes = network.a.prober.paths("b")?.chosen?.mtu.payloadBytes ?? 0;
    assert.ok(bytes > 1_256 && bytes <= 1_272, `${bytes} bytes`);
    assert.ok(network.a.events.some((event) => event.kind === "mtu"));
  });

  await t.step("a path that becomes narrower is noticed", () => {
    const network = new VirtualPaths(OPEN_A, OPEN_B);
    let widest = 1_500;
    network.loses = (_to, lengthBytes) => lengthBytes > widest;
    network.tell("a", "stated", { at: "192.0.2.2:51820", kind: "direct" });
    network.want("a");
    const use = (seconds: number): void => {
      for (let i = 0; i < seconds * 10; i++) {
        network.a.prober.noteTraffic(network.now, "b", { sentBytes: 100, receivedBytes: 100 });
        network.run(100);
      }
    };
    use(2);
    assert.equal(network.a.prober.paths("b")?.chosen?.mtu.payloadBytes, 1_452);
    widest = 1_300;
    use(45);
    const bytes = network.a.prober.paths("b")?.chosen?.mtu.payloadBytes ?? 0;
    assert.ok(bytes > 1_280 && bytes <= 1_300, `${bytes} bytes`);
  });

  await t.step("a host that moves is found again by the other", () => {
    const network = new VirtualPaths(OPEN_A, OPEN_B);
    network.tell("a", "stated", { at: "192.0.2.2:51820", kind: "direct" });
    network.want("a");
    network.run(100);
    assert.equal(network.chosen("b"), "192.0.2.1:51820");
    Object.assign(network.a, { inside: "203.0.113.7:51820" });
    network.a.prober.handleMove(network.now);
    network.run(2_000);
    assert.equal(network.chosen("b"), "203.0.113.7:51820");
  });

  await t.step("who is not in use asks nothing any more", () => {
    const network = new VirtualPaths(OPEN_A, OPEN_B);
    network.tell("a", "stated", { at: "192.0.2.2:51820", kind: "direct" });
    network.want("a");
    network.run(120_000);
    const before = network.sentBytes.a + network.sentBytes.b;
    network.run(60_000);
    assert.equal(network.sentBytes.a + network.sentBytes.b, before);
  });

  await t.step("strangers, forged, cut and repeated questions are counted and change nothing", () => {
    const random = new SeededRandom(3);
    const [own, member, stranger] = [1, 2, 3].map(() => PrivateKey.generate(random));
    assert.ok(own && member && stranger);
    const prober = new PathProber({ privateKey: own, wantedBytes: 1_452, wall: () => unixMillis(1e12) });
    const now = millis(5);
    prober.add(now, "m", member.publicKey);
    const key = derivePairKeys(member, own.publicKey)?.outgoing;
    const foreign = derivePairKeys(stranger, own.publicKey)?.outgoing;
    assert.ok(key && foreign);
    const ask = encodeAsk(key, 4_096, 100);
    const from = endpointAt("192.0.2.66:1");
    prober.handleDatagram(now, encodeAsk(foreign, 1), from);
    prober.handleDatagram(now, ask.subarray(0, 99), from);
    prober.handleDatagram(now, new Uint8Array(56).fill(0x77), from);
    assert.equal(prober.pollTransmit(), undefined);
    prober.handleDatagram(now, ask, endpointAt("192.0.2.1:51820"));
    const answer = prober.pollTransmit();
    assert.ok(answer !== undefined && answer.datagram.length <= ask.length);
    prober.handleDatagram(now, ask, from);
    const { drops } = prober;
    const { "probe-stranger": strangers, "probe-forged": forged, "probe-malformed": malformed } = drops
      .snapshot();
    assert.deepEqual([strangers, forged, malformed], [1, 1, 1]);
    assert.equal(drops.snapshot()["probe-replayed"], 1);
    assert.deepEqual(prober.paths("m")?.all.map(({ endpoint }) => endpoint.toString()), ["192.0.2.1:51820"]);
  });

  await t.step("a member that asks from everywhere is answered within bounds", () => {
    const random = new SeededRandom(4);
    const [own, member] = [PrivateKey.generate(random), PrivateKey.generate(random)];
    const prober = new PathProber({ privateKey: own, wantedBytes: 1_452, wall: () => unixMillis(1e12) });
    const now = millis(5);
    prober.add(now, "m", member.publicKey);
    const key = derivePairKeys(member, own.publicKey)?.outgoing;
    assert.ok(key);
    let sent = 0;
    for (let i = 0; i < 1_000; i++) {
      prober.handleDatagram(now, encodeAsk(key, 4_096 + i), endpointAt(`192.0.2.${i % 250 + 1}:${i + 1}`));
      while (prober.pollTransmit() !== undefined) sent++;
    }
    assert.ok(sent <= 2 * 64, `${sent} datagrams`);
    assert.ok((prober.paths("m")?.all.length ?? 0) <= 8);
  });
});

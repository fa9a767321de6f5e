import assert from "node:assert/strict";
import { type Millis, SeededRandom } from "../../../base/mod.ts";
import { MacAddress } from "../../../net/mod.ts";
import { Forwarding, FrameSwitch, type SwitchEvent, type SwitchFrame } from "../mod.ts";
import { frame, mac, SwitchHarness } from "../testing/mod.ts";

function harness(): SwitchHarness {
  const h = new SwitchHarness();
  h.network(1, { label: "vxlan/1001/blue" });
  h.network(2, { label: "vxlan/1002/red" });
  h.ports(1, "local", [1]);
  h.ports(1, "local", [2, 3], true);
  h.ports(2, "local", [4], true);
  h.ports(1, "remote", [11], true);
  h.bind(1, 1, mac(1));
  h.advance(0);
  return h;
}

function probes(h: SwitchHarness): ReadonlyMap<number, Uint8Array> {
  return new Map(h.fetch().map(({ port, frame }) => [port, frame]));
}

Deno.test("FrameSwitch probes bridged ports at once and every 5 s, and others never", () => {
  const h = harness();
  assert.deepEqual([...probes(h).keys()], [2, 3, 4]);
  h.advance(4_999);
  assert.equal(probes(h).size, 0);
  assert.equal(h.frames.pollTimeout(), h.now + 1);
  h.advance(1);
  assert.deepEqual([...probes(h).keys()], [2, 3, 4]);
});

Deno.test("FrameSwitch blocks the higher of two ports that are joined outside, for longer each time", () => {
  const h = harness();
  const probe = probes(h).get(2) ?? assert.fail();
  h.send(3, frame(mac(0x66), mac(1)));
  assert.equal(h.send(3, probe), "loop-probe");
  assert.deepEqual(h.events(), [{ kind: "loop", port: 3, blockedMs: 10_000 }]);
  assert.equal(h.send(3, frame(mac(0x77), mac(1))), "blocked");
  assert.deepEqual(h.send(1, frame(mac(1), MacAddress.BROADCAST)), [2, 11]);
  assert.equal(h.send(1, frame(mac(1), mac(0x66))), "blocked");
  h.advance(9_999);
  assert.equal(h.send(3, frame(mac(0x77), mac(1))), "blocked");
  probes(h);
  h.advance(1);
  assert.deepEqual(h.send(1, frame(mac(1), MacAddress.BROADCAST)), [2, 3, 11]);
  // It is probed as soon as it is used again, and the loop is still there.
  assert.equal(h.send(2, probes(h).get(3) ?? assert.fail()), "loop-probe");
  assert.deepEqual(h.events(), [{ kind: "loop", port: 3, blockedMs: 20_000 }]);
  h.advance(20_000);
  h.advance(600_000);
  h.fetch();
  h.advance(5_000);
  h.send(3, probes(h).get(2) ?? assert.fail());
  assert.deepEqual(h.events(), [{ kind: "loop", port: 3, blockedMs: 10_000 }]);
});

Deno.test("FrameSwitch blocks a port that gives back what it was sent", () => {
  const h = harness();
  h.send(2, probes(h).get(2) ?? assert.fail());
  assert.deepEqual(h.events().map((event) => event.port), [2]);
});

Deno.test("FrameSwitch blocks nothing where ports of two networks meet, nor for probes from elsewhere", () => {
  const h = harness();
  const sent = probes(h);
  assert.equal(h.send(4, sent.get(2) ?? assert.fail()), "loop-probe");
  assert.equal(h.send(1, sent.get(2) ?? assert.fail()), "loop-probe");
  assert.equal(h.send(11, sent.get(2) ?? assert.fail()), "loop-probe");
  assert.equal(h.events().length, 0);
  assert.equal(h.send(2, frame(mac(0x77), mac(1), { etherType: 0x88b5 })).toString(), "1");
});

/** Two hosts that have both networks, each with a bridged port, and the probes that they send. */
function twoHosts() {
  const hosts = [1, 2].map((seed) => {
    const frames = new FrameSwitch(new SeededRandom(seed));
    frames.setNetwork({ network: seed, mtuBytes: 1500, label: "vxlan/1001/blue" });
    frames.setNetwork({ network: 8, mtuBytes: 1500, label: "vxlan/1002/red" });
    frames.setPort({ port: 5, network: seed, side: "local", allowsForeign: true });
    frames.setPort({ port: 6, network: 8, side: "local", allowsForeign: true });
    frames.handleTimeout(0 as Millis);
    const sent: SwitchFrame[] = [];
    for (let next = frames.pollFrame(); next !== undefined; next = frames.pollFrame()) sent.push(next);
    return { frames, sent };
  });
  return [hosts[0] ?? assert.fail(), hosts[1] ?? assert.fail()] as const;
}

/** What happens when each hears at port 5 what the other has sent at `port`. */
function join([a, b]: ReturnType<typeof twoHosts>, port: number): SwitchEvent[] {
  return [[a, b] as const, [b, a] as const].flatMap(([to, from]) => {
    const { frame } = from.sent.find((sent) => sent.port === port) ?? assert.fail();
    to.frames.forward(0 as Millis, 5, frame, 0, frame.length, frame.length - 14, new Forwarding());
    return to.frames.pollEvent() ?? [];
  });
}

Deno.test("Of two hosts that are joined outside, one blocks its port", () => {
  assert.deepEqual(join(twoHosts(), 5), [{ kind: "loop", port: 5, blockedMs: 10_000 }]);
});

Deno.test("Two hosts of which different networks are joined outside block nothing", () => {
  assert.deepEqual(join(twoHosts(), 6), []);
});

Deno.test("FrameSwitch keeps an address where it is that moves too often, and probes at once", () => {
  const h = harness();
  h.fetch();
  h.advance(1_000);
  const outcomes = Array.from(
    { length: 8 },
    (_, i) => h.send(2 + (i & 1), frame(mac(0x77), mac(1))).toString(),
  );
  assert.deepEqual(outcomes, ["1", "1", "1", "1", "1", "1", "flapping", "1"]);
  h.advance(0);
  assert.deepEqual([...probes(h).keys()], [2, 3, 4]);
  // Whoever goes on is not sent a probe for each frame.
  for (let i = 0; i < 900; i++) {
    assert.equal(h.send(2, frame(mac(0x77), mac(1))), "flapping");
    h.advance(1);
  }
  assert.equal(probes(h).size, 0);
  h.advance(10_000);
  assert.deepEqual(h.send(3, frame(mac(0x77), mac(1))), [1]);
});

Deno.test("FrameSwitch blocks no port for a probe that was made up behind another one", () => {
  const h = harness();
  const probe = probes(h).get(2)?.slice() ?? assert.fail();
  const view = new DataView(probe.buffer, probe.byteOffset);
  for (let port = 0; port < 16; port++) {
    view.setUint32(30, port);
    assert.equal(h.send(2, probe), "loop-probe");
  }
  assert.deepEqual(h.events(), []);
});

import assert from "node:assert/strict";
import { millis, SeededRandom } from "../base/mod.ts";
import { Endpoint } from "../net/mod.ts";
import { MappedAddresses } from "./mapped_addresses.ts";

const endpoint = (text: string): Endpoint => Endpoint.parse(text) ?? assert.fail(text);
const FIRST = endpoint("192.0.2.9:3478");
const SIXTH = endpoint("[2001:db8::9]:3478");

function answerTo(request: Uint8Array, mapped: string): Uint8Array {
  const { address: { bytes }, port } = endpoint(mapped);
  const value = [0, bytes.length === 4 ? 1 : 2, port >> 8, port & 255, ...bytes];
  const answer = new Uint8Array([
    1,
    1,
    0,
    4 + value.length,
    ...request.subarray(4, 20),
    0,
    1,
    0,
    value.length,
    ...value,
  ]);
  return answer;
}

/** Servers in virtual time: what each says, if anything. */
class World {
  readonly mapped = new MappedAddresses(new SeededRandom(3));
  readonly says = new Map<string, string>();
  /** Of each request: when, and to whom. */
  readonly asked: (readonly [at: number, to: string])[] = [];
  now = 0;

  runTo(until: number): this {
    for (; this.now <= until; this.now += 100) {
      this.mapped.handleTimeout(millis(this.now));
      for (let out = this.mapped.pollTransmit(); out !== undefined; out = this.mapped.pollTransmit()) {
        this.asked.push([this.now, `${out.destination}`]);
        const said = this.says.get(`${out.destination}`);
        if (said !== undefined) {
          this.mapped.handleDatagram(millis(this.now), answerTo(out.datagram, said), out.destination);
        }
      }
      const next = this.mapped.pollTimeout();
      assert(next === undefined || next > this.now, "it makes no haste");
    }
    return this;
  }
}

Deno.test("MappedAddresses asks servers of both families at once, and each again every 25 s", () => {
  const world = new World();
  assert.equal(world.mapped.pollTimeout(), undefined);
  world.says.set(`${FIRST}`, "203.0.113.7:61001").set(`${SIXTH}`, "[2001:db8:7::7]:51820");
  world.mapped.setServers(millis(0), [FIRST, SIXTH, FIRST]);
  world.runTo(100);
  assert.deepEqual(world.mapped.mapped.map(String), ["203.0.113.7:61001", "[2001:db8:7::7]:51820"]);
  world.says.set(`${FIRST}`, "203.0.113.7:61002");
  world.runTo(50_000);
  assert.deepEqual(world.asked.filter(([, to]) => to === `${FIRST}`).map(([at]) => at), [0, 25_000, 50_000]);
  assert.equal(`${world.mapped.mapped[0]}`, "203.0.113.7:61002");
});

Deno.test("MappedAddresses asks a silent server ever less often, and forgets what it said", () => {
  const world = new World();
  world.says.set(`${FIRST}`, "203.0.113.7:61001");
  world.mapped.setServers(millis(0), [FIRST]);
  world.runTo(1_000);
  world.says.clear();
  world.runTo(30_000);
  assert.equal(world.mapped.mapped.length, 1, "one silence may be a loss");
  world.runTo(70_000);
  assert.equal(world.mapped.mapped.length, 0);
  world.runTo(7_200_000);
  const rounds = world.asked.map(([at]) => at).filter((at, i, all) => at - (all[i - 1] ?? -Infinity) > 5_000);
  const pauses = rounds.slice(1).map((at, i) => at - (rounds[i] ?? 0));
  assert.deepEqual(pauses.slice(0, 7), [25_000, 33_500, 63_500, 123_500, 243_500, 483_500, 603_500]);
  assert.equal(pauses.at(-1), 603_500);
  assert.equal(world.asked.length, 1 + 3 * (rounds.length - 1));
});

Deno.test("MappedAddresses asks anew after a move, every 5 s at most, and believes no answer from before", () => {
  const world = new World();
  world.says.set(`${FIRST}`, "203.0.113.7:61001");
  world.mapped.setServers(millis(0), [FIRST]);
  world.runTo(10_000);
  world.mapped.handleMove(millis(10_000));
  assert.deepEqual(world.mapped.mapped, []);
  world.says.set(`${FIRST}`, "203.0.113.8:61001");
  for (let i = 0; i < 100; i++) {
    world.runTo(world.now);
    world.mapped.handleMove(millis(world.now));
  }
  assert.deepEqual(world.asked.map(([at]) => at), [0, 10_100, 15_100]);
});

Deno.test("MappedAddresses asks 8 servers at most, and only those that it was told last", () => {
  const world = new World();
  const servers = Array.from({ length: 20 }, (_, i) => endpoint(`192.0.2.${i + 1}:3478`));
  world.mapped.setServers(millis(0), servers);
  world.runTo(4_000);
  assert.equal(new Set(world.asked.map(([, to]) => to)).size, 8);
  assert.equal(world.asked.length, 24);
  world.says.set(`${servers[0]}`, "203.0.113.7:1").set(`${servers[1]}`, "203.0.113.7:2");
  world.runTo(40_000);
  assert.equal(world.mapped.mapped.length, 2);
  world.mapped.setServers(millis(world.now), servers.slice(1, 2));
  assert.deepEqual(world.mapped.mapped.map(String), ["203.0.113.7:2"]);
});

Deno.test("MappedAddresses takes nothing that a server can't have seen, and counts what nobody asked for", () => {
  for (const said of ["127.0.0.1:22", "224.0.0.1:9", "169.254.1.1:9", "0.0.0.0:9", "[2001:db8::1]:9"]) {
    const world = new World();
    world.says.set(`${FIRST}`, said);
    world.mapped.setServers(millis(0), [FIRST]);
    assert.deepEqual(world.runTo(1_000).mapped.mapped, [], said);
  }
  const { mapped } = new World();
  mapped.setServers(millis(0), [FIRST]);
  mapped.handleTimeout(millis(0));
  const { datagram } = mapped.pollTransmit() ?? assert.fail();
  const answer = answerTo(datagram, "203.0.113.7:1");
  mapped.handleDatagram(millis(1), answer, SIXTH);
  mapped.handleDatagram(millis(1), answer.subarray(0, 24), FIRST);
  mapped.handleDatagram(millis(1), answer, FIRST);
  mapped.handleDatagram(millis(1), answer, FIRST);
  assert.deepEqual(mapped.drops.snapshot(), { "stun-malformed": 1, "stun-unasked": 2 });
  assert.equal(mapped.mapped.length, 1);
});

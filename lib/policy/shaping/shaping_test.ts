import assert from "node:assert/strict";
import { type Millis, millis, SeededRandom } from "../../base/mod.ts";
import { internetChecksum } from "../../net/mod.ts";
import { NO_RULE, type PolicyEvaluator, type Shape } from "../evaluate/mod.ts";
import { type GuardOutcome, VERDICT } from "../flows/mod.ts";
import { markDscp, PacketPolicer, PacketShaper, SHAPED } from "./mod.ts";

const LIMIT = 0;
const QOS = 1;
const PACKETS = 2;
const SHAPES: Shape[] = [
  { bytesPerSecond: 1_000_000, itemsPerSecond: 0, burst: 100_000, dscp: undefined },
  { bytesPerSecond: 0, itemsPerSecond: 0, burst: 0, dscp: 46 },
  { bytesPerSecond: 0, itemsPerSecond: 100, burst: 10, dscp: undefined },
];
// Of an evaluator, shaping asks for shapes alone.
const evaluator = { shapeOf: (rule: number) => SHAPES[rule] } as PolicyEvaluator;

function outcome(limit: number, qos: number, source = 1, isReply = false): GuardOutcome {
  const [from, to] = isReply ? [2, source] : [source, 2];
  return {
    verdict: VERDICT.PASS,
    rule: NO_RULE,
    via: 0,
    limit,
    qos,
    source: from,
    destination: to,
    isReply,
  };
}

function packet(lengthBytes: number): Uint8Array {
  const bytes = new Uint8Array(lengthBytes);
  bytes.set([
    0x45,
    0,
    lengthBytes >> 8,
    lengthBytes & 0xff,
    0,
    0,
    0,
    0,
    64,
    17,
    0,
    0,
    10,
    0,
    0,
    1,
    10,
    0,
    0,
    2,
  ]);
  new DataView(bytes.buffer).setUint16(10, internetChecksum(bytes, 0, 20));
  return bytes;
}

Deno.test("markDscp() writes any mark over any, keeps congestion bits, and the checksum stays right", () => {
  const random = new SeededRandom(1);
  for (let i = 0; i < 2_000; i++) {
    const bytes = new Uint8Array(20);
    random.fill(bytes);
    bytes[0] = 0x45;
    bytes.fill(0, 10, 12);
    new DataView(bytes.buffer).setUint16(10, internetChecksum(bytes, 0, 20));
    const [ecn, dscp] = [(bytes[1] ?? 0) & 3, i % 64];
    markDscp(bytes, 0, dscp);
    assert.equal(bytes[1], (dscp << 2) | ecn);
    assert.equal(internetChecksum(bytes, 0, 20), 0, `packet ${i}`);

    const six = new Uint8Array(40);
    random.fill(six);
    six[0] = 0x60 | ((six[0] ?? 0) & 0x0f);
    const expected = six.slice();
    const word = new DataView(expected.buffer).getUint32(0);
    new DataView(expected.buffer).setUint32(0, ((word & ~0x0fc00000) | (dscp << 22)) >>> 0);
    markDscp(six, 0, dscp);
    assert.deepEqual(six, expected);
  }
});

Deno.test("markDscp() leaves alone what is no IP", () => {
  for (const first of [0x00, 0x15, 0x50, 0xff]) {
    const bytes = new Uint8Array(40).fill(first);
    markDscp(bytes, 0, 46);
    assert.deepEqual(bytes, new Uint8Array(40).fill(first));
  }
});

Deno.test("PacketShaper sends at its rule's rate, in order, and drops what would wait too long", () => {
  const shaper = new PacketShaper({ before: 10 });
  shaper.use(evaluator);
  const memory = new Uint8Array(2_000);
  let [sent, queued, dropped, next] = [0, 0, 0, 0];
  let last = -1;
  for (let now = 0; now < 2_000; now++) {
    for (let polled = shaper.poll(millis(now)); polled; polled = shaper.poll(millis(now))) {
      assert.ok(polled.tag > last, "in order");
      assert.equal(polled.bytes.length, 1_010);
      assert.equal(polled.bytes[9], 7);
      last = polled.tag;
      sent += 1_000;
    }
    // Twice the rate.
    for (let i = 0; i < 2; i++) {
      memory.set(packet(1_000), 10);
      memory[9] = 7;
      const shaped = shaper.shape(millis(now), outcome(LIMIT, NO_RULE), memory, 10, 1_000, 1, next++);
      if (shaped === SHAPED.NOW) sent += 1_000;
      else if (shaped === SHAPED.QUEUED) queued++;
      else dropped++;
    }
    assert.ok(shaper.waitingBytes <= 200_000);
  }
  assert.ok(queued > 0 && dropped > 0);
  assert.equal(shaper.dropped, dropped);
  assert.ok(Math.abs(sent - 2_100_000) < 10_000, `${sent} bytes`);
});

Deno.test("PacketShaper has a bucket for each member and direction, and one that floods takes nothing of others", () => {
  const shaper = new PacketShaper({ limits: { maxBytes: 400_000 } });
  shaper.use(evaluator);
  const memory = packet(1_000);
  const shape = (member: number, isReply = false) =>
    shaper.shape(millis(0), outcome(LIMIT, NO_RULE, member, isReply), memory, 0, 1_000, 1, member);
  for (let i = 0; i < 1_000; i++) shape(1);
  assert.equal(shape(1), SHAPED.DROPPED);
  assert.equal(shape(1, true), SHAPED.NOW);
  for (let member = 2; member < 40; member++) {
    for (let i = 0; i < 100; i++) assert.equal(shape(member), SHAPED.NOW);
    // There is room for each one's next.
    assert.equal(shape(member), SHAPED.QUEUED, `member ${member}`);
    for (let i = 0; i < 300; i++) shape(member);
  }
  assert.ok(shaper.waitingBytes <= 400_000);
});

Deno.test("PacketShaper marks what passes, keeps to both rules, and lets go of all when its program does", () => {
  const shaper = new PacketShaper();
  shaper.use(evaluator);
  const memory = packet(100);
  assert.equal(shaper.shape(millis(0), outcome(NO_RULE, QOS), memory, 0, 100, 1, 0), SHAPED.NOW);
  assert.equal(memory[1], 46 << 2);
  assert.equal(internetChecksum(memory, 0, 20), 0);
  assert.equal(shaper.shape(millis(0), outcome(NO_RULE, NO_RULE), packet(100), 0, 100, 1, 0), SHAPED.NOW);
  // 10 packets at once, though the bytes would let 1,000 pass.
  const both = outcome(LIMIT, PACKETS);
  for (let i = 0; i < 10; i++) assert.equal(shaper.shape(millis(0), both, memory, 0, 100, 1, 0), SHAPED.NOW);
  for (let tag = 1; tag < 5; tag++) {
    assert.equal(shaper.shape(millis(0), both, memory, 0, 100, 1, tag), SHAPED.QUEUED);
  }
  assert.equal(shaper.poll(millis(9)), undefined);
  assert.equal(shaper.pollTimeout(), 10);
  assert.equal(shaper.poll(millis(10))?.tag, 1);
  shaper.forget(2);
  shaper.use(undefined);
  assert.deepEqual([shaper.poll(millis(10))?.tag, shaper.poll(millis(10))?.tag], [3, 4]);
  assert.equal(shaper.poll(millis(10)), undefined);
  assert.deepEqual([shaper.waitingBytes, shaper.pollTimeout()], [0, undefined]);
});

Deno.test("PacketPolicer admits all that a shaper sends, though it comes in heaps, and drops a sender's that has none", () => {
  const [shaper, policer] = [new PacketShaper(), new PacketPolicer()];
  shaper.use(evaluator);
  policer.use(evaluator);
  const memory = packet(1_000);
  const way = outcome(LIMIT, NO_RULE);
  let heap = 0;
  for (let now = 0; now < 3_000; now++) {
    if (shaper.shape(millis(now), way, memory, 0, 1_000, 1, 0) === SHAPED.NOW) heap++;
    if (shaper.shape(millis(now), way, memory, 0, 1_000, 1, 0) === SHAPED.NOW) heap++;
    while (shaper.poll(millis(now)) !== undefined) heap++;
    if (now % 50 !== 0) continue;
    for (; heap > 0; heap--) assert.ok(policer.admits(millis(now), way, 1_000, 1), `at ${now} ms`);
  }
  let admitted = 0;
  for (let now: Millis = millis(10_000); now < 12_000; now = millis(now + 1)) {
    for (let i = 0; i < 5; i++) if (policer.admits(now, way, 1_000, 1)) admitted++;
  }
  assert.ok(Math.abs(admitted - 2_220) < 20, `${admitted} packets`);
});

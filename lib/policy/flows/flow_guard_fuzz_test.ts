import assert from "node:assert/strict";
import { millis, SeededRandom } from "../../base/mod.ts";
import { IpAddress, putUint16 } from "../../net/mod.ts";
import { compilePolicy } from "../compile/mod.ts";
import { type PolicyEvaluator, readProgram } from "../evaluate/mod.ts";
import { readPolicyDocument } from "../model/mod.ts";
import { packetOf, type PacketText } from "../testing/packets.ts";
import { FlowGuard } from "./flow_guard.ts";
import { DIRECTION, VERDICT } from "./packet_guard.ts";

const SEED = 20_251;
const MEMBERS = 8;
const PORTS = [22, 53, 80, 5432, 40_000, 50_000] as const;
const DB = 2;

/** `m2`, and `m3` as well, are restricted; nobody else is. */
const DOCUMENT = readPolicyDocument({
  rules: [
    { allow: { from: ["name=m0", "name=m1"], to: "name=m2", ports: ["tcp/5432", "udp/53"] } },
    { allow: { from: "name=m2", to: "name=m3", protocol: "icmp" } },
  ],
});

/** @returns what draws a number from 0 to below a bound of up to 2^24 */
function drawOf(seed: number): (bound: number) => number {
  const random = new SeededRandom(seed);
  const bytes = new Uint8Array(4);
  const view = new DataView(bytes.buffer);
  return (bound) => {
    random.fill(bytes);
    return Math.floor(view.getUint32(0) / 0x1_0000_0000 * bound);
  };
}

function addressOf(number: number, isIpv6: boolean): string {
  return isIpv6 ? `fd00::${number + 1}` : `10.200.0.${number + 1}`;
}

function evaluator(): PolicyEvaluator {
  const members = Array.from({ length: MEMBERS }, (_, number) => ({
    id: `m${number}`,
    name: `m${number}`,
    labels: {},
    addresses: [false, true].map((isIpv6) => IpAddress.parse(addressOf(number, isIpv6)) ?? assert.fail()),
    services: [],
    roles: ["member"],
    blocks: [],
  }));
  return readProgram(compilePolicy(DOCUMENT, { members, networks: [] }, { revision: "0".repeat(16) }).bytes);
}

/** What the two rules above say, written anew. */
function mayBegin(from: number, to: number, protocol: number, port: number): boolean {
  if (from === to) return true;
  if (to === 2) return from < 2 && (protocol === 6 && port === 5432 || protocol === 17 && port === 53);
  if (to === 3) return from === 2 && protocol === 1;
  return true;
}

/** Flows of UDP and pings as somebody would write them down who has all the time in the world. */
class NaiveFlows {
  readonly #endsAt = new Map<string, number>();

  passes(now: number, from: number, to: number, packet: Attempt): boolean {
    const { family, protocol, source, destination, isReply } = packet;
    const key = [family, protocol, from, source, to, destination].join();
    const back = [family, protocol, to, destination, from, source].join();
    const lifetimeMs = protocol === 17 ? 180_000 : 600_000;
    for (const known of [key, back]) {
      if ((this.#endsAt.get(known) ?? -1) < now || (known === back && protocol === 1 && !isReply)) continue;
      this.#endsAt.set(known, now + lifetimeMs);
      return true;
    }
    if (!mayBegin(from, to, protocol, destination)) return false;
    const isTold = protocol === 17 || !isReply;
    // A question of an id that the other one has asked with is not remembered: it is that one's flow.
    if (isTold && (this.#endsAt.get(back) ?? -1) < now) this.#endsAt.set(key, now + lifetimeMs);
    return true;
  }
}

interface Attempt {
  readonly family: number;
  readonly protocol: number;
  readonly source: number;
  readonly destination: number;
  readonly isReply: boolean;
}

/** A guard at `m2`. */
function guardOfDb(): FlowGuard {
  const guard = new FlowGuard({ network: "mesh", random: new SeededRandom(SEED), wall: () => 0 });
  const program = evaluator();
  guard.use(program, program.networkNumber("mesh"));
  return guard;
}

Deno.test("FlowGuard agrees with a naive table of flows about 20,000 packets of UDP and ICMP", () => {
  const below = drawOf(SEED);
  const guard = guardOfDb();
  const naive = new NaiveFlows();
  let now = 1_000_000;
  let denied = 0;
  // Until replies of the time before the program are no longer expected.
  guard.check(
    millis(1),
    packetOf({ from: addressOf(0, false), to: addressOf(2, false), protocol: 17, ports: [50_000, 53] }),
    0,
    28,
    DIRECTION.IN,
    1,
  );
  for (let turn = 0; turn < 20_000; turn++) {
    now += below(2) === 0 ? below(200) : below(turn % 997 === 0 ? 700_000 : 5_000);
    if (turn % 10 === 0) guard.handleTimeout(millis(now));
    const isIpv6 = below(2) === 0;
    const isOut = below(2) === 0;
    const other = below(MEMBERS);
    if (other === DB) continue;
    const [from, to] = isOut ? [DB, other] : [other, DB];
    const isPing = below(4) === 0;
    const isReply = below(2) === 0;
    const id = below(3);
    const source = isPing ? id : PORTS[below(PORTS.length)] ?? 0;
    const destination = isPing ? id : PORTS[below(PORTS.length)] ?? 0;
    const text: PacketText = {
      from: addressOf(from, isIpv6),
      to: addressOf(to, isIpv6),
      protocol: isPing ? (isIpv6 ? 58 : 1) : 17,
      ports: [source, destination],
      icmp: [isReply ? (isIpv6 ? 129 : 0) : (isIpv6 ? 128 : 8), id],
    };
    const bytes = packetOf(text);
    const verdict = guard.check(
      millis(now),
      bytes,
      0,
      bytes.length,
      isOut ? DIRECTION.OUT : DIRECTION.IN,
      1,
    );
    const attempt = { family: isIpv6 ? 6 : 4, protocol: isPing ? 1 : 17, source, destination, isReply };
    const expected = naive.passes(now, from, to, attempt);
    assert.equal(
      verdict === VERDICT.PASS,
      expected,
      `seed ${SEED}, turn ${turn}: ${JSON.stringify(text)}`,
    );
    if (!expected) denied++;
  }
  assert(denied > 2_000 && denied < 18_000, `${denied} denied`);
});

Deno.test("FlowGuard lets no mutated packet of who may nothing pass, and reads none beyond its end", () => {
  const below = drawOf(SEED + 1);
  const guards = [guardOfDb(), guardOfDb()];
  let now = 1_000;
  let [cut, passed] = [0, 0];
  for (let turn = 0; turn < 10_000; turn++) {
    now += below(50);
    const isIpv6 = below(2) === 0;
    const from = below(2) === 0 ? 5 : 0;
    const protocol = [6, 17, isIpv6 ? 58 : 1, 132, 47][below(5)] ?? 6;
    const bytes = packetOf({
      from: addressOf(from, isIpv6),
      to: addressOf(DB, isIpv6),
      protocol,
      ports: [PORTS[below(6)] ?? 0, PORTS[below(6)] ?? 0],
      flags: below(64),
      icmp: [below(256), below(4)],
      payload: new Uint8Array(below(64)),
      ...below(4) === 0 && { fragment: [below(3), below(2) === 0, below(8)] as const },
    });
    for (let count = below(5); count > 0; count--) {
      // Anything but the addresses: whose they are is held by the tunnel.
      const at = below(bytes.length);
      const isAddress = isIpv6 ? at >= 8 && at < 40 : at >= 12 && at < 20;
      if (!isAddress && at > 0) bytes[at] = below(256);
    }
    let { length } = bytes;
    if (below(4) === 0) {
      length = below(bytes.length + 1);
      // Its own header may say so, too.
      if (below(2) === 0 && length >= (isIpv6 ? 40 : 20)) {
        putUint16(bytes, isIpv6 ? 4 : 2, isIpv6 ? length - 40 : length);
      }
      cut++;
    }
    const verdicts = guards.map((guard, number) => {
      const room = new Uint8Array(bytes.length + 64).fill(below(256));
      room.set(number === 0 ? bytes : bytes.subarray(0, length), 32);
      const verdict = guard.check(millis(now), room, 32, length, DIRECTION.IN, 1);
      while (guard.pollDenial() !== undefined) { /* They are of no interest here. */ }
      guard.answer(room, 32, length);
      return verdict;
    });
    const where = `seed ${SEED + 1}, turn ${turn}: ${bytes.toHex()}, ${length} bytes`;
    // What stands before the packet and behind it decides nothing.
    assert.equal(verdicts[0], verdicts[1], where);
    if (from === 5) assert.notEqual(verdicts[0], VERDICT.PASS, where);
    else if (verdicts[0] === VERDICT.PASS) passed++;
  }
  assert(cut > 500 && passed > 100, `${cut} cut, ${passed} passed`);
});

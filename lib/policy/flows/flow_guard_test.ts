import assert from "node:assert/strict";
import { millis, SeededRandom } from "../../base/mod.ts";
import { IpAddress, ipPacketLength, transportChecksum } from "../../net/mod.ts";
import { compilePolicy } from "../compile/mod.ts";
import { type PolicyEvaluator, readProgram } from "../evaluate/mod.ts";
import { readPolicyDocument } from "../model/mod.ts";
import { packetOf, type PacketText } from "../testing/packets.ts";
import { FlowGuard } from "./flow_guard.ts";
import { DIRECTION, type GuardLimits, VERDICT } from "./packet_guard.ts";

const [WEB, DB, API] = ["10.200.0.2", "10.200.0.3", "10.200.0.4"];
const [WEB6, DB6] = ["fd00::2", "fd00::3"];
const SYN = 2;
const ACK = 16;
const RST = 4;
const FIN = 1;
const DAY_MS = 86_400_000;

function member(name: string, role: string, ...addresses: readonly string[]) {
  return {
    id: name,
    name,
    labels: { role },
    addresses: addresses.map((text) => IpAddress.parse(text) ?? assert.fail(text)),
    services: [],
    roles: ["member"],
    blocks: [],
  };
}

function evaluatorOf(rules: unknown, answer = "drop"): PolicyEvaluator {
  const roster = {
    members: [member("web", "web", WEB, WEB6), member("db", "db", DB, DB6), member("api", "api", API)],
    networks: [],
  };
  const document = readPolicyDocument({ rules, answer });
  return readProgram(compilePolicy(document, roster, { revision: "0".repeat(16) }).bytes);
}

const WEB_TO_DB = [{ allow: { from: "role=web", to: "role=db", ports: "tcp/5432" } }];

/** A guard at `db`, and a clock. */
class World {
  now = 1_000;
  readonly guard: FlowGuard;

  constructor(
    rules: unknown = WEB_TO_DB,
    { limits = {}, answer }: { limits?: GuardLimits; answer?: string } = {},
  ) {
    this.guard = new FlowGuard({
      network: "mesh",
      random: new SeededRandom(1),
      wall: () => this.now,
      limits,
    });
    this.set(rules, answer);
  }

  set(rules: unknown, answer?: string): void {
    const evaluator = rules === null ? undefined : evaluatorOf(rules, answer);
    this.guard.use(evaluator, evaluator?.networkNumber("mesh"));
  }

  /** Asks in place, so that there can be an answer. */
  checkHere(bytes: Uint8Array): number {
    return this.guard.check(millis(this.now), bytes, 0, bytes.length, DIRECTION.IN, 1);
  }

  check(bytes: Uint8Array, direction: number): number {
    const room = new Uint8Array(bytes.length + 16);
    room.set(bytes, 16);
    return this.guard.check(millis(this.now), room, 16, bytes.length, direction, 1);
  }

  in(text: PacketText): boolean {
    return this.check(packetOf(text), DIRECTION.IN) === VERDICT.PASS;
  }

  out(text: PacketText): boolean {
    return this.check(packetOf(text), DIRECTION.OUT) === VERDICT.PASS;
  }
}

const request = (more: Partial<PacketText> = {}): PacketText => ({
  from: WEB,
  to: DB,
  ports: [40_000, 5432],
  ...more,
});
const reply = (more: Partial<PacketText> = {}): PacketText => ({
  from: DB,
  to: WEB,
  ports: [5432, 40_000],
  ...more,
});

Deno.test("FlowGuard lets pass what a rule allows, and its replies", () => {
  const world = new World([...WEB_TO_DB, { allow: { from: "role=db", to: "role=web", ports: "tcp/1" } }]);
  assert(!world.out(reply({ flags: SYN | ACK })), "nobody has begun");
  assert(world.in(request({ flags: SYN })));
  assert(world.out(reply({ flags: SYN | ACK })));
  assert(world.in(request()));
  assert(!world.in(request({ ports: [40_000, 22] })), "another port");
  assert(!world.in(request({ from: API })), "another source");
  assert(!world.out(reply({ ports: [5432, 40_001] })), "another flow");
  assert.equal(world.guard.flows, 1);
});

Deno.test("FlowGuard asks nothing without a policy of its network", () => {
  const world = new World(null);
  assert(world.guard.isIdle);
  assert(world.in(request({ from: API })));
  assert.equal(world.guard.flows, 0);
});

Deno.test("FlowGuard forgets flows that are silent for too long", () => {
  for (
    const [protocol, ports, lifetimeMs] of [
      [6, [40_000, 5432], 12 * 60_000],
      [17, [40_000, 53], 3 * 60_000],
      [47, undefined, 10 * 60_000],
    ] as const
  ) {
    const world = new World([
      { allow: { from: "role=web", to: "role=db" } },
      { allow: { from: "role=db", to: "role=web", ports: "tcp/1" } },
    ]);
    const there = { from: WEB, to: DB, protocol, ...ports && { ports } };
    const back = { from: DB, to: WEB, protocol, ...ports && { ports: [ports[1], ports[0]] as const } };
    assert(world.in({ ...there, flags: ACK }));
    world.now += lifetimeMs;
    assert(world.out(back), `${protocol} within its time`);
    world.now += lifetimeMs + 1;
    assert(!world.out(back), `${protocol} after its time`);
  }
});

Deno.test("FlowGuard follows TCP by its flags", () => {
  const restricted = [...WEB_TO_DB, { allow: { from: "role=db", to: "role=web", ports: "tcp/1" } }];
  const world = new World(restricted);
  assert(world.in(request({ flags: SYN, sequence: 100 })));
  world.now += 59_000;
  assert(world.out(reply({ flags: SYN | ACK, sequence: 500, acknowledged: 101 })), "half open for a minute");
  assert(world.in(request({ sequence: 101, acknowledged: 501 })));
  world.now += 11 * 60_000;
  assert(world.out(reply({ sequence: 501, acknowledged: 101 })));
  assert(world.in(request({ flags: FIN | ACK, sequence: 101 })));
  assert(world.out(reply({ flags: FIN | ACK, sequence: 501 })));
  world.now += 29_000;
  assert(world.out(reply({ sequence: 502 })), "what is late still passes");
  world.now += 31_000;
  assert(!world.out(reply({ sequence: 502 })), "both have ended it");

  const reset = new World(restricted);
  assert(reset.in(request({ flags: SYN, sequence: 100 })));
  assert(reset.out(reply({ flags: SYN | ACK, sequence: 500, acknowledged: 101 })));
  assert(reset.in(request({ flags: RST, sequence: 0x40_000_000 })), "somebody guesses");
  reset.now += 60_000 - 1;
  assert(reset.out(reply({ sequence: 501 })), "a blind reset ends nothing");
  assert(reset.in(request({ flags: RST, sequence: 101 })));
  reset.now += 31_000;
  assert(!reset.out(reply({ sequence: 501 })));
});

Deno.test("FlowGuard picks a connection up where its beginner may begin", () => {
  const world = new World([...WEB_TO_DB, { allow: { from: "role=db", to: "role=web", ports: "tcp/1" } }]);
  assert(!world.out(reply()), "after a restart the answering side does not go first");
  assert(world.in(request()));
  assert(world.out(reply()));
});

Deno.test("FlowGuard takes both ends that open at once for one flow", () => {
  const world = new World([
    { allow: { from: "role=web", to: "role=db", ports: "tcp/7000" } },
    { allow: { from: "role=db", to: "role=web", ports: "tcp/1" } },
  ]);
  assert(world.in({ from: WEB, to: DB, ports: [7000, 7000], flags: SYN }));
  assert(world.out({ from: DB, to: WEB, ports: [7000, 7000], flags: SYN }), "simultaneous open");
  assert(world.in({ from: WEB, to: DB, ports: [7000, 7000], flags: SYN | ACK }));
  assert.equal(world.guard.flows, 1);
});

Deno.test("FlowGuard knows pings by their ids, and asks of whoever answers", () => {
  for (const [a, b, protocol, ping, pong] of [[WEB, DB, 1, 8, 0], [WEB6, DB6, 58, 128, 129]] as const) {
    const world = new World([
      { allow: { from: "role=web", to: "role=db", protocol: "icmp" } },
      { deny: { from: "role=db", to: "role=web" } },
    ]);
    assert(world.in({ from: a, to: b, protocol, icmp: [ping, 7] }));
    assert(world.out({ from: b, to: a, protocol, icmp: [pong, 7] }));
    assert(!world.out({ from: b, to: a, protocol, icmp: [pong, 8] }), "nobody asked");
    assert(!world.out({ from: b, to: a, protocol, icmp: [ping, 7] }), "an answer's way is not for questions");
  }
});

Deno.test("FlowGuard lets errors pass that are about a flow, to whose packet they quote", () => {
  for (const [a, b, protocol, type] of [[WEB, DB, 1, 3], [WEB6, DB6, 58, 1]] as const) {
    const world = new World([
      ...WEB_TO_DB,
      { deny: { from: "role=db", to: "*" } },
      { deny: { from: "role=api", to: "*" } },
    ]);
    const begun = packetOf({ from: a, to: b, ports: [40_000, 5432], flags: SYN });
    const foreign = packetOf({ from: a, to: b, ports: [40_001, 5432], flags: SYN });
    assert.equal(world.check(begun, DIRECTION.IN), VERDICT.PASS);
    const error = (payload: Uint8Array, to = a) => ({
      from: b,
      to,
      protocol,
      icmp: [type, 0] as const,
      payload,
    });
    assert(world.out(error(begun)));
    assert(world.out(error(begun.subarray(0, a === WEB ? 28 : 48))), "8 bytes of it are enough");
    assert(!world.out(error(foreign)), "of no flow");
    assert(!world.out(error(begun, a === WEB ? API : "fd00::4")), "to somebody else");
    assert(!world.out(error(begun.subarray(0, 10))), "cut off");
  }
});

Deno.test("FlowGuard lets fragments pass behind their first one", () => {
  for (const [a, b] of [[WEB, DB], [WEB6, DB6]] as const) {
    const world = new World([{ allow: { from: "role=web", to: "role=db", ports: ["udp/53", "tcp/5432"] } }]);
    const udp = { from: a, to: b, protocol: 17, ports: [40_000, 53] as const };
    assert(!world.in({ ...udp, fragment: [185, false, 9] }), "before its first one");
    assert(world.in({ ...udp, payload: new Uint8Array(64), fragment: [0, true, 9] }));
    assert(world.in({ ...udp, fragment: [185, false, 9] }));
    assert(!world.in({ ...udp, fragment: [185, false, 10] }), "of another packet");
    world.now += 30_000;
    assert(!world.in({ ...udp, fragment: [185, false, 9] }), "too late");
    assert(!world.in({ ...udp, ports: [1, 22], payload: new Uint8Array(64), fragment: [0, true, 11] }));
    assert(!world.in({ ...udp, fragment: [185, false, 11] }), "its first one was denied");
    assert(
      world.in({ from: a, to: b, ports: [1, 5432], payload: new Uint8Array(8), fragment: [0, true, 12] }),
    );
    assert(!world.in({ from: a, to: b, fragment: [1, false, 12] }), "it would rewrite the flags");
    const tiny = packetOf({ from: a, to: b, ports: [1, 5432], fragment: [0, true, 13] });
    const cut = tiny.slice(0, tiny.length - 8);
    cut[a === WEB ? 3 : 5] = (cut[a === WEB ? 3 : 5] ?? 0) - 8;
    assert.equal(world.check(cut, DIRECTION.IN), VERDICT.DROP, "its header is not whole");
  }
});

Deno.test("FlowGuard reads IPv6 extension headers, and no more than 8 of them", () => {
  const world = new World();
  const plain = packetOf({ from: WEB6, to: DB6, ports: [40_000, 5432], flags: SYN });
  const extended = (count: number) => {
    const bytes = new Uint8Array(plain.length + 8 * count);
    bytes.set(plain.subarray(0, 40));
    bytes.set(plain.subarray(40), 40 + 8 * count);
    bytes[5] = bytes.length - 40;
    bytes[6] = 60;
    for (let i = 0; i < count; i++) bytes[40 + 8 * i] = i === count - 1 ? 6 : 60;
    return bytes;
  };
  assert.equal(world.check(extended(8), DIRECTION.IN), VERDICT.PASS);
  assert.equal(world.check(extended(9), DIRECTION.IN), VERDICT.DROP);
});

Deno.test("FlowGuard ends the flows that another program does not allow", () => {
  const world = new World();
  assert(world.in(request({ flags: SYN })));
  assert(world.out(reply()));
  world.set([{ allow: { from: "role=web", to: "role=db", ports: "tcp/5433" } }]);
  assert(!world.in(request()));
  world.set(WEB_TO_DB);
  assert(world.in(request()), "picked up again");
  world.set([{ deny: { from: "role=web", to: "role=db" } }, { deny: { from: "role=db", to: "role=web" } }]);
  assert(!world.out(reply()), "the answering side, too");
});

Deno.test("FlowGuard does not let a denied flow go on as one that the answering side has begun", () => {
  for (const wasKnown of [true, false]) {
    const world = new World(wasKnown ? [{ allow: { from: "*", to: "role=db" } }] : null);
    for (const protocol of [6, 17]) {
      const there: PacketText = { from: API, to: DB, protocol, ports: [50_000, 5432] };
      const back: PacketText = { from: DB, to: API, protocol, ports: [5432, 50_000] };
      world.set(wasKnown ? [{ allow: { from: "*", to: "role=db" } }] : null);
      assert(
        world.in({ ...there, flags: SYN }) && world.out({ ...back, flags: SYN | ACK }) && world.in(there),
      );
      world.set(WEB_TO_DB);
      for (let i = 0; i < 5; i++) {
        world.now += 1_000;
        // What db sends by itself is its own matter, and opens nothing.
        assert.equal(world.out(back), i === 0 || !wasKnown ? !wasKnown : false);
        assert(!world.in(there), `${protocol}, ${wasKnown ? "of a former policy" : "of a time without"}`);
      }
    }
  }
});

Deno.test("FlowGuard asks by itself what the called side opens where a flow was", () => {
  const world = new World([...WEB_TO_DB, { deny: { from: "role=db", to: "role=web" } }]);
  assert(world.in(request({ flags: SYN, sequence: 100 })));
  assert(world.out(reply({ flags: SYN | ACK, sequence: 500, acknowledged: 101 })));
  assert(world.in(request({ sequence: 101, acknowledged: 501 })));
  assert(!world.out(reply({ flags: SYN, sequence: 900 })), "while it is open");
  assert(world.out(reply({ sequence: 501 })), "which goes on");
  assert(world.in(request({ flags: RST, sequence: 101 })));
  assert(!world.out(reply({ flags: SYN, sequence: 900 })), "when it is over");
});

Deno.test("FlowGuard takes a reset back whose sender goes on, since it was somebody else's", () => {
  const world = new World([...WEB_TO_DB, { deny: { from: "role=db", to: "role=web" } }]);
  assert(world.in(request({ flags: SYN, sequence: 100 })));
  assert(world.out(reply({ flags: SYN | ACK, sequence: 500, acknowledged: 101 })));
  assert(world.in(request({ flags: RST, sequence: 101 })));
  assert(world.in(request({ sequence: 101, acknowledged: 501 })));
  world.now += 11 * 60_000;
  assert(world.out(reply({ sequence: 501 })));
});

Deno.test("FlowGuard answers what is rejected: a reset, or ICMP", () => {
  const world = new World(WEB_TO_DB, { answer: "reject" });
  const denied = packetOf(request({ ports: [40_000, 22], flags: SYN, sequence: 77 }));
  assert.equal(world.checkHere(denied), VERDICT.REJECT);
  const reset = world.guard.answer(denied, 0, denied.length) ?? assert.fail();
  assert.equal(ipPacketLength(reset), 40);
  assert.equal(transportChecksum(reset, 20, 6), 0);
  assert.deepEqual([reset[33], new DataView(reset.buffer).getUint32(28)], [RST | ACK, 78]);
  const udp = packetOf({ from: WEB6, to: DB6, protocol: 17, ports: [1, 2] });
  assert.equal(world.checkHere(udp), VERDICT.REJECT);
  const error = world.guard.answer(udp, 0, udp.length) ?? assert.fail();
  assert.deepEqual([...error.subarray(40, 42)], [1, 1], "administratively prohibited");
  let answers = 2;
  for (let i = 0; i < 1_000; i++) {
    udp[23] = i & 7;
    if (world.checkHere(udp) === VERDICT.REJECT && world.guard.answer(udp, 0, udp.length)) {
      answers++;
    }
  }
  assert.equal(answers, 100, "a flood is not answered");
  world.now += 1_000;
  answers = 0;
  for (let i = 0; i < 100; i++) {
    assert.equal(world.checkHere(udp), VERDICT.REJECT);
    if (world.guard.answer(udp, 0, udp.length)) answers++;
  }
  assert.equal(answers, 25, "one source leaves something for the others");
  const many = packetOf({ from: WEB, to: "224.0.0.251", protocol: 17, ports: [1, 2] });
  world.set([{ deny: { from: "*", to: "*" } }], "reject");
  assert.equal(world.checkHere(many), VERDICT.REJECT);
  assert.equal(world.guard.answer(many, 0, many.length), undefined, "it was for many");
});

Deno.test("FlowGuard logs denials, equal ones together, and counts by rule", () => {
  const world = new World([...WEB_TO_DB, { deny: { from: "role=api", to: "role=db" } }]);
  for (let i = 0; i < 5; i++) world.in(request({ ports: [40_000 + i, 22], flags: SYN }));
  world.in(request({ from: API }));
  world.in(request());
  const [first, second, third] = [
    world.guard.pollDenial(),
    world.guard.pollDenial(),
    world.guard.pollDenial(),
  ];
  assert.deepEqual([first?.rule, first?.count, first?.destinationPort, first?.source], [
    "default",
    5,
    22,
    WEB,
  ]);
  assert.deepEqual([second?.rule, second?.protocol, second?.direction], ["default#2", "tcp", "in"]);
  assert.equal(third, undefined);
  const counts = [...world.guard.counts()].map(([rule, { packets, flows }]) => [rule, packets, flows]);
  assert.deepEqual(counts.sort(), [[-1, 5, 0], [0, 1, 0], [1, 1, 1]]);
});

Deno.test("FlowGuard tells what a trial would deny, and denies nothing for it", () => {
  const world = new World(null);
  world.guard.use(undefined, undefined, evaluatorOf(WEB_TO_DB));
  assert(world.in(request({ flags: SYN })));
  assert(world.in(request({ from: API, flags: SYN })));
  assert(world.out({ from: DB, to: API, ports: [5432, 40_000] }));
  const denial = world.guard.pollDenial();
  assert.deepEqual([denial?.source, denial?.rule, denial?.isTrial], [API, "default", true]);
  assert.equal(world.guard.pollDenial(), undefined);
});

Deno.test("FlowGuard keeps each member to its share of flows; its own make room", () => {
  const limits = { maxFlows: 100, maxFlowsPerMember: 10 };
  const world = new World([{ allow: { from: "*", to: "role=db", ports: "udp" } }], { limits });
  for (let i = 0; i < 1_000; i++) {
    world.now += 1;
    assert(world.in({ from: WEB, to: DB, protocol: 17, ports: [1_000 + i, 53] }));
    assert(world.guard.flows <= 10, `${world.guard.flows}`);
  }
  assert(world.in({ from: API, to: DB, protocol: 17, ports: [1_000, 53] }));
  assert.equal(world.guard.flows, 11);
  world.now += DAY_MS;
  for (let i = 0; i < 10; i++) world.guard.handleTimeout(millis(world.now += 300));
  assert.equal(world.guard.flows, 0);
  assert.equal(world.guard.pollTimeout(), undefined);
});

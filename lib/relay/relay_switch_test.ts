import assert from "node:assert/strict";
import fc from "fast-check";
import { SeededRandom } from "../base/mod.ts";
import { Endpoint } from "../net/mod.ts";
import { echoOf, encodeBind } from "./bind.ts";
import { drawLegKey } from "./leg_secret.ts";
import {
  mayBeCarried,
  RELAY_DROPS,
  RelaySwitch,
  type SwitchLeg,
  type SwitchSession,
} from "./relay_switch.ts";

const UNBOUNDED = { totalBytesPerSecond: Infinity, sessionBytesPerSecond: Infinity };
const [home, office, elsewhere] = ["192.0.2.1:1000", "192.0.2.2:1000", "192.0.2.1:1001"].map((text) =>
  Endpoint.parse(text) ?? assert.fail()
) as [Endpoint, Endpoint, Endpoint];

function openSession(relay: RelaySwitch<string>): SwitchSession<string> {
  const random = new SeededRandom(3);
  return relay.open([[drawLegKey(random), "a"], [drawLegKey(random), "b"]]);
}

function judge(
  relay: RelaySwitch<string>,
  leg: SwitchLeg<string>,
  source: Endpoint,
  bytes: Uint8Array,
  now = 0,
) {
  return relay.judge(now, leg, source, bytes, 0, bytes.length);
}

function data(lengthBytes = 64): Uint8Array {
  const bytes = new Uint8Array(lengthBytes);
  bytes[0] = 4;
  return bytes;
}

/** Binds, and repeats what the answer tells to. */
function prove(relay: RelaySwitch<string>, leg: SwitchLeg<string>, source: Endpoint, counter = 1): void {
  judge(relay, leg, source, encodeBind("bind", leg.key, counter));
  judge(relay, leg, source, encodeBind("bind", leg.key, counter + 1, echoOf(relay.answer)));
  assert.equal(echoOf(relay.answer), undefined);
}

Deno.test("RelaySwitch sends little to a source that has not repeated an echo", () => {
  const relay = new RelaySwitch<string>(UNBOUNDED, new SeededRandom(4));
  const { a, b } = openSession(relay);
  prove(relay, a, home);
  prove(relay, b, office);
  const echoOfOffice = (judge(relay, b, elsewhere, encodeBind("bind", b.key, 3)), echoOf(relay.answer));
  // A member that names somebody else's address, and does not see what is sent there.
  for (const echo of [undefined, new Uint8Array(8).fill(9)]) {
    judge(relay, b, office, encodeBind("bind", b.key, b.newestCounter + 1, echo));
  }
  judge(relay, b, office, encodeBind("bind", b.key, b.newestCounter + 1, echoOfOffice));
  assert.ok(!b.isProven);
  let carried = 0;
  for (let now = 0; now < 10_000; now++) {
    if (judge(relay, a, home, data(1000), now) === "carried") carried++;
  }
  assert.ok(carried >= 40 && carried <= 50, `${carried}`);
  assert.equal(relay.drops.get("unproven-source"), 10_000 - carried);
  // The other way it is heard as ever.
  assert.equal(judge(relay, b, office, data(1000)), "carried");
  judge(relay, b, office, encodeBind("bind", b.key, 100, b.echo.slice()));
  for (let i = 0; i < 100; i++) assert.equal(judge(relay, a, home, data(1000), 10_000), "carried");
});

Deno.test("RelaySwitch carries between the newest authentic sources alone", () => {
  const relay = new RelaySwitch<string>(UNBOUNDED, new SeededRandom(4));
  const { a, b } = openSession(relay);
  const steps: [leg: SwitchLeg<string>, source: Endpoint, bytes: Uint8Array, outcome: string][] = [
    [a, home, data(), "unbound"],
    [a, home, encodeBind("bind", a.key, 5), "bound"],
    [a, home, data(), "other-unbound"],
    [b, office, encodeBind("bind", a.key, 6), "wrong-bind"],
    [b, office, encodeBind("bound", b.key, 6), "wrong-bind"],
    [b, office, encodeBind("bind", b.key, 0), "bound"],
    [a, home, data(), "carried"],
    [b, office, data(), "carried"],
    [a, office, data(), "foreign-source"],
    [a, elsewhere, data(), "foreign-source"],
    [a, elsewhere, encodeBind("bind", a.key, 5), "replayed-bind"],
    [a, elsewhere, encodeBind("bind", a.key, 4), "replayed-bind"],
    [a, home, data(), "carried"],
    [a, elsewhere, encodeBind("bind", a.key, 6), "bound"],
    [a, home, data(), "foreign-source"],
    [a, elsewhere, data(), "carried"],
    [a, elsewhere, data(31), "unknown-kind"],
  ];
  for (const [i, [leg, source, bytes, outcome]] of steps.entries()) {
    const before = relay.drops.snapshot();
    const verdict = judge(relay, leg, source, bytes);
    const counted = RELAY_DROPS.filter((reason) => relay.drops.get(reason) > before[reason]);
    assert.deepEqual(verdict === "dropped" ? counted : [verdict], [outcome], `step ${i}`);
  }
  assert.deepEqual(
    [a.session.carriedDatagrams, a.session.carriedBytes, a.session.binds],
    [4, 4 * 64, 3],
  );
});

Deno.test("RelaySwitch answers a bind with no more bytes than it has", () => {
  const relay = new RelaySwitch<string>(UNBOUNDED, new SeededRandom(4));
  const { a } = openSession(relay);
  const bind = encodeBind("bind", a.key, 5);
  assert.equal(judge(relay, a, home, bind), "bound");
  assert.deepEqual(relay.answer, encodeBind("bound", a.key, 5, a.echo));
  assert.ok(relay.answer.length <= bind.length);
});

Deno.test("RelaySwitch carries no more in a second than a session, and all of them, may", () => {
  const rates = { sessionBytesPerSecond: 1_000_000, totalBytesPerSecond: 1_500_000 };
  const relay = new RelaySwitch<string>(rates, new SeededRandom(4));
  const sessions = [openSession(relay), openSession(relay)];
  for (const { a, b } of sessions) {
    prove(relay, a, home);
    prove(relay, b, office);
  }
  // Two megabytes of each in the second.
  for (let now = 0; now < 1000; now++) {
    for (const { a } of sessions) judge(relay, a, home, data(2000), now);
  }
  const [first = 0, second = 0] = sessions.map(({ carriedBytes }) => carriedBytes);
  const burst = 131_072;
  assert.ok(first <= 1_000_000 + burst && second <= 1_000_000 + burst, `${first}, ${second}`);
  assert.ok(first + second <= 1_500_000 + burst, `${first + second}`);
  assert.ok(first + second >= 1_400_000, `${first + second}`);
  assert.equal(relay.drops.get("over-rate"), 2000 - (first + second) / 2000);
});

Deno.test("RelaySwitch lets each member of a session begin a few handshakes, and carries its packets all the same", () => {
  const relay = new RelaySwitch<string>(UNBOUNDED, new SeededRandom(4));
  const { a, b } = openSession(relay);
  prove(relay, a, home);
  prove(relay, b, office);
  const initiation = new Uint8Array(148);
  initiation[0] = 1;
  const carried = (leg: SwitchLeg<string>, source: Endpoint, now: number) =>
    Array.from({ length: 30 }, () => judge(relay, leg, source, initiation, now))
      .filter((verdict) => verdict === "carried").length;
  assert.equal(carried(a, home, 0), 10);
  assert.equal(relay.drops.get("handshake-rate"), 20);
  assert.equal(judge(relay, a, home, data()), "carried");
  assert.equal(carried(b, office, 0), 10);
  assert.equal(carried(a, home, 2_500), 5);
  assert.equal(carried(a, home, 60_000), 10);
});

Deno.test("mayBeCarried() knows WireGuard and the path protocol by kind and length", () => {
  const cases: [head: number[], lengthBytes: number, may: boolean][] = [
    [[1, 0, 0, 0], 148, true],
    [[1, 0, 0, 0], 149, false],
    [[2, 0, 0, 0], 92, true],
    [[2, 0, 0, 0], 148, false],
    [[3, 0, 0, 0], 64, true],
    [[3, 0, 0, 0], 65, false],
    [[4, 0, 0, 0], 31, false],
    [[4, 0, 0, 0], 32, true],
    [[4, 0, 0, 0], 65_507, true],
    [[4, 0, 1, 0], 64, false],
    [[4, 1, 0, 0], 64, false],
    [[0, 0, 0, 0], 64, false],
    [[5, 0, 0, 0], 64, false],
    [[0x77, 1, 0, 0], 56, true],
    [[0x77, 1, 0, 0], 1500, true],
    [[0x77, 2, 0, 0], 56, true],
    [[0x77, 2, 0, 0], 57, false],
    [[0x77, 1, 0, 0], 55, false],
    [[0x77, 1, 0, 0], 1501, false],
    [[0x77, 1, 0, 1], 64, false],
    [[0x77, 3, 0, 0], 64, false],
    [[0x77, 4, 0, 0], 64, false],
    [[0x77, 5, 0, 0], 64, false],
  ];
  for (const [head, lengthBytes, may] of cases) {
    const bytes = new Uint8Array(lengthBytes + 1);
    bytes.set(head, 1);
    assert.equal(mayBeCarried(bytes, 1, lengthBytes), may, `${head} of ${lengthBytes}`);
  }
});

Deno.test("RelaySwitch survives whatever comes, and binds nobody by it", () => {
  const relay = new RelaySwitch<string>(UNBOUNDED, new SeededRandom(4));
  const { a, b } = openSession(relay);
  const head = fc.constantFrom([0x77, 3, 0, 0], [0x77, 4, 0, 0], [0x77, 1, 0, 0], [4, 0, 0, 0], [1, 0, 0, 0]);
  let count = 0;
  fc.assert(fc.property(head, fc.uint8Array({ maxLength: 200 }), fc.boolean(), (start, rest, isPlain) => {
    const bytes = Uint8Array.from(isPlain ? rest : [...start, ...rest]);
    assert.equal(judge(relay, a, home, bytes), "dropped");
    count++;
  }));
  assert.equal(a.source ?? b.source, undefined);
  const sum = Object.values(relay.drops.snapshot()).reduce((total, each) => total + each, 0);
  assert.equal(sum, count);
});

import assert from "node:assert/strict";
import fc from "fast-check";
import { SeededRandom } from "../../../base/mod.ts";
import { AGEING_SECONDS, MacTable, type MacTableLimits } from "./mac_table.ts";

interface Entry {
  readonly network: number;
  readonly mac: string;
  port: number;
  isBound: boolean;
  seen: number;
  /** Larger is newer. */
  order: number;
}

/** The same rules over a plain Map, without care for time or memory. Damping of moves is not in it. */
class NaiveTable {
  readonly entries = new Map<string, Entry>();
  readonly #limits: MacTableLimits;
  #order = 0;

  constructor(limits: MacTableLimits) {
    this.#limits = limits;
  }

  bind(network: number, mac: string, port: number): void {
    this.entries.set(`${network} ${mac}`, { network, mac, port, isBound: true, seen: 0, order: 0 });
  }

  unbind(network: number, mac: string): void {
    const key = `${network} ${mac}`;
    if (this.entries.get(key)?.isBound) this.entries.delete(key);
  }

  hear(seconds: number, network: number, mac: string, port: number): void {
    const key = `${network} ${mac}`;
    const entry = this.entries.get(key);
    if (entry?.isBound) return;
    if (entry === undefined) {
      this.#makeRoom(port);
      this.entries.set(key, { network, mac, port, isBound: false, seen: seconds, order: ++this.#order });
      return;
    }
    if (entry.port !== port) {
      const own = this.#of(port);
      if (own.length >= this.#limits.maxLearnedPerPort) this.#delete(own[0]);
    } else if (entry.seen === seconds) return;
    Object.assign(entry, { port, seen: seconds, order: ++this.#order });
  }

  expire(seconds: number): void {
    for (const [key, entry] of this.entries) {
      if (!entry.isBound && seconds - entry.seen >= AGEING_SECONDS) this.entries.delete(key);
    }
  }

  forget(isMeant: (entry: Entry) => boolean): void {
    for (const [key, entry] of this.entries) if (isMeant(entry)) this.entries.delete(key);
  }

  #of(port: number): Entry[] {
    const own = [...this.entries.values()].filter((entry) => !entry.isBound && entry.port === port);
    return own.sort((a, b) => a.order - b.order);
  }

  #makeRoom(port: number): void {
    const { maxLearned, maxLearnedPerPort } = this.#limits;
    const own = this.#of(port);
    if (own.length >= maxLearnedPerPort) return this.#delete(own[0]);
    const learned = [...this.entries.values()].filter((entry) => !entry.isBound);
    if (learned.length < maxLearned) return;
    const ports = new Set(learned.map((entry) => entry.port).concat(port));
    if (own.length * ports.size >= maxLearned) return this.#delete(own[0]);
    const most = Math.max(...[...ports].map((candidate) => this.#of(candidate).length));
    // Which of several ports with as many pays is not laid down: the table is asked.
    this.victims = [...ports].filter((candidate) => this.#of(candidate).length === most);
    const victim = this.choose(this.victims);
    this.#delete(this.#of(victim)[0]);
  }

  victims: number[] = [];
  choose: (ports: number[]) => number = ([first = -1]) => first;

  #delete(entry: Entry | undefined): void {
    if (entry !== undefined) this.entries.delete(`${entry.network} ${entry.mac}`);
  }
}

type Step =
  | readonly [kind: "hear", network: number, mac: number, port: number]
  | readonly [kind: "bind", network: number, mac: number, port: number]
  | readonly [kind: "unbind", network: number, mac: number]
  | readonly [kind: "wait", seconds: number]
  | readonly [kind: "forget-port", port: number]
  | readonly [kind: "forget-network", network: number];

const network = fc.constantFrom(0, 1, 0xffff);
const mac = fc.nat(39);
const port = fc.nat(3);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 20, arbitrary: fc.tuple(fc.constant("hear" as const), network, mac, port) },
  { weight: 3, arbitrary: fc.tuple(fc.constant("bind" as const), network, mac, port) },
  { weight: 2, arbitrary: fc.tuple(fc.constant("unbind" as const), network, mac) },
  { weight: 3, arbitrary: fc.tuple(fc.constant("wait" as const), fc.integer({ min: 11, max: 200 })) },
  { weight: 1, arbitrary: fc.tuple(fc.constant("forget-port" as const), port) },
  { weight: 1, arbitrary: fc.tuple(fc.constant("forget-network" as const), network) },
);

function highOf(mac: number): number {
  return 0x0200 | (mac & 3);
}
function lowOf(mac: number): number {
  return Math.imul(mac >> 2, 0x9e3779b1);
}

function hear(table: MacTable, seconds: number, network: number, mac: number, port: number): void {
  const slot = table.find(network, highOf(mac), lowOf(mac));
  if (slot < 0) table.learn(seconds, network, highOf(mac), lowOf(mac), port);
  else if (table.isBoundAt(slot)) return;
  else if (table.portAt(slot) === port) table.refresh(slot, seconds);
  else assert.ok(table.move(slot, seconds, port));
}

Deno.test("MacTable holds what a plain Map holds under the same rules, and its bounds", () => {
  const limits = { maxLearned: 12, maxLearnedPerPort: 5 };
  fc.assert(
    fc.property(fc.array(step, { minLength: 50, maxLength: 300, size: "max" }), (steps) => {
      const table = new MacTable(new SeededRandom(steps.length), limits);
      const naive = new NaiveTable(limits);
      let seconds = 1_000;
      for (const [kind, first, second = 0, third = 0] of steps) {
        const text = String(second);
        if (kind === "hear") {
          // Time passes, so that nothing is damped.
          seconds += 11;
          const before = new Map(naive.entries);
          hear(table, seconds, first, second, third);
          naive.choose = (ports) =>
            ports.find((candidate) => {
              const count = [...before.values()].filter((e) => !e.isBound && e.port === candidate).length;
              return table.learnedBehind(candidate) < count;
            }) ?? assert.fail("none of the ports with most has paid");
          naive.hear(seconds, first, text, third);
        } else if (kind === "bind") {
          table.bind(first, highOf(second), lowOf(second), third);
          naive.bind(first, text, third);
        } else if (kind === "unbind") {
          table.unbind(first, highOf(second), lowOf(second));
          naive.unbind(first, text);
        } else if (kind === "wait") {
          seconds += first;
          assert.equal(table.expire(seconds, 1_000), false);
          naive.expire(seconds);
        } else if (kind === "forget-port") {
          table.forgetPort(first);
          naive.forget((entry) => !entry.isBound && entry.port === first);
        } else {
          table.forgetNetwork(first);
          naive.forget((entry) => entry.network === first);
        }
        const learned = [...naive.entries.values()].filter((entry) => !entry.isBound);
        assert.equal(table.learned, learned.length);
        assert.equal(table.bound, naive.entries.size - learned.length);
        assert.ok(table.learned <= limits.maxLearned);
        for (let p = 0; p < 4; p++) assert.ok(table.learnedBehind(p) <= limits.maxLearnedPerPort);
      }
      for (const n of [0, 1, 0xffff]) {
        for (let m = 0; m < 40; m++) {
          const entry = naive.entries.get(`${n} ${m}`);
          const slot = table.find(n, highOf(m), lowOf(m));
          assert.equal(slot < 0 ? undefined : table.portAt(slot), entry?.port);
          assert.equal(slot >= 0 && table.isBoundAt(slot), entry?.isBound === true);
        }
      }
    }),
    { numRuns: 150 },
  );
});

Deno.test("MacTable finds each of 100,000 addresses, and none that is not there", () => {
  const table = new MacTable(new SeededRandom(1), { maxLearned: 131_072, maxLearnedPerPort: 131_072 });
  for (let i = 0; i < 100_000; i++) table.learn(1, i & 1, 0x0200, i, i % 7);
  for (let i = 0; i < 100_000; i++) {
    assert.equal(table.portAt(table.find(i & 1, 0x0200, i)), i % 7);
    assert.equal(table.find((i & 1) ^ 1, 0x0200, i), -1);
  }
  assert.ok(table.expire(301, 99_999));
  assert.equal(table.learned, 1);
  assert.ok(!table.expire(301, 1));
  assert.equal(table.learned, 0);
  assert.equal(table.find(0, 0x0200, 0), -1);
  assert.ok(table.memoryBytes <= 131_072 * 38);
});

Deno.test("MacTable takes from a port that forges, never from one within its share", () => {
  const table = new MacTable(new SeededRandom(1), { maxLearned: 1_000, maxLearnedPerPort: 900 });
  for (let i = 0; i < 100; i++) table.learn(1, 0, 0x0200, i, 1);
  // Newer than all of them, for ever.
  for (let i = 0; i < 50_000; i++) table.learn(2, 0, 0x0600, i, 2);
  for (let i = 0; i < 100; i++) assert.ok(table.find(0, 0x0200, i) >= 0);
  assert.equal(table.learnedBehind(2), 900);
  // Who comes later gets his share too, of the one that has most.
  for (let i = 0; i < 300; i++) table.learn(3, 0, 0x0a00, i, 3);
  assert.deepEqual([1, 2, 3].map((port) => table.learnedBehind(port)), [100, 600, 300]);
  table.bind(0, 0x0200, 7, 9);
  for (let i = 0; i < 5_000; i++) table.learn(4, 0, 0x0e00, i, 4);
  assert.equal(table.portAt(table.find(0, 0x0200, 7)), 9);
});

Deno.test("MacTable lets an address move five times in 10 s, and then again when they are over", () => {
  const table = new MacTable(new SeededRandom(1), { maxLearned: 10, maxLearnedPerPort: 10 });
  table.learn(100, 0, 2, 1, 1);
  const slot = table.find(0, 2, 1);
  const moves = Array.from({ length: 6 }, (_, i) => table.move(slot, 100 + i, 2 + i));
  assert.deepEqual(moves, [true, true, true, true, true, false]);
  assert.equal(table.portAt(slot), 6);
  assert.ok(!table.move(slot, 109, 7));
  assert.ok(table.move(slot, 110, 7));
  assert.equal(table.learnedBehind(6), 0);
  assert.equal(table.learnedBehind(7), 1);
});

import assert from "node:assert/strict";
import { randomUint32, SeededRandom, VirtualClock, VirtualTimers } from "../../base/mod.ts";
import { settle } from "../../test_mesh/mod.ts";
import { MemoryLog, openReplica } from "../testing/memory_log.ts";
import { encodeRecord, GROUP_BYTES } from "./log_record.ts";

const STEPS = 12_000;
const KINDS = ["prepare", "openRecord", "decide", "finish", "outcome", "settle"] as const;
const WRITES = ["put", "post", "delete", "patch"] as const;
/** Of a hundred so many are spoilt. */
const SPOILT = 40;

/** What stands in the place of any part of a step. */
const JUNK: readonly unknown[] = [
  ...[null, true, 0, -1, 1.5, 1e300, "", "k", "\x01", "t\x01", "x".repeat(600), [], {}, [null], [{}]],
  ...["orders", "carts", "$orders.3", "orders.move", "committed", { id: 1 }, { id: null }, { id: {} }],
];

Deno.test("no step stops a copy, however it is written, and all copies come to the same", async () => {
  const random = new SeededRandom(7);
  const draw = (below: number) => randomUint32(random) % below;
  const clock = new VirtualClock();
  const timers = new VirtualTimers(clock);
  const log = new MemoryLog(clock);
  const nodes = [0, 1].map(() => openReplica(log.connect(timers), timers, { clock }));
  const [node] = nodes;
  assert.ok(node !== undefined);
  for (const name of ["orders", "carts"]) await node.create({ name, key: "id", index: [] });

  const stepOf = (i: number): Record<string, unknown> => {
    const of = { id: `t${(i >> 4) + draw(3)}`, attempt: "attempt-of-somebody" };
    const request = { ...of, origin: "ann" };
    const place = draw(2) === 0 ? "orders" : "carts";
    const places = [{ collection: "orders" }, { collection: "carts", shard: 3 }];
    const key = `k${draw(400)}`;
    const write = { kind: WRITES[draw(WRITES.length)], collection: place, key, value: { id: key } };
    const commit = { reads: [{ collection: place, key: `r${draw(400)}`, revision: 0 }], writes: [write] };
    const kind = KINDS[draw(KINDS.length)];
    if (kind === "prepare") {
      return { kind, place, request: { ...request, record: { collection: place }, commit } };
    }
    if (kind === "openRecord") return { kind, place, request: { ...request, places } };
    return { kind, place, of, origin: "ann", outcome: draw(2) === 0 ? "committed" : "rolled-back" };
  };
  const spoil = (step: Record<string, unknown>) => {
    const at: (readonly [Record<string, unknown>, string])[] = [];
    const walk = (value: unknown) => {
      if (typeof value !== "object" || value === null) return;
      for (const name of Object.keys(value)) {
        at.push([value as Record<string, unknown>, name]);
        walk((value as Record<string, unknown>)[name]);
      }
    };
    walk(step);
    const [object, name] = at[draw(at.length)] ?? assert.fail();
    object[name] = JUNK[draw(JUNK.length)];
  };
  for (let i = 0; i < STEPS; i++) {
    const step = stepOf(i);
    if (draw(100) < SPOILT) spoil(step);
    const group = new Uint8Array(GROUP_BYTES);
    new DataView(group.buffer).setUint32(0, i + 1);
    const json = JSON.stringify({ kind: "transaction", step });
    const [message] = encodeRecord(group, [{ kind: "transaction", json }], 1 << 20);
    log.append(`${i}`, message ?? assert.fail());
    if (i % 50 === 0) await settle();
  }
  const states = await Promise.all(nodes.map(async (node) => ({
    orders: await node.describe("orders"),
    carts: await node.describe("carts"),
    entries: await node.list("orders", { limit: 1_000 }),
    open: await node.prepared.open("orders"),
    places: await node.prepared.places(),
  })));
  assert.deepEqual(states[1], states[0]);
  assert.ok((states[0]?.orders.count ?? 0) > 0, "some were committed");
  for (const node of nodes) await node.close();
});

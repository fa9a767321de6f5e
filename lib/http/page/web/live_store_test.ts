import assert from "node:assert/strict";
import { sampleLinks } from "../../../agent/testing/sample_view.ts";
import { SampleControl } from "../../../agent/testing/sample_control.ts";
import { LiveDocument } from "../../events/live_document.ts";
import { EventParser } from "./event_parser.ts";
import { bits, bytes, figure, roundTrip, span } from "./format.ts";
import { LiveStore } from "./live_store.ts";
import { layoutOf } from "./map/mod.ts";
import { meshOf } from "./mesh_model.ts";
import { searched } from "./node_table.tsx";
import { failingShare } from "./service_view.tsx";

async function filledStore(change: (entries: Map<string, unknown>) => void = () => {}): Promise<LiveStore> {
  const { set } = await new LiveDocument(new SampleControl()).look(0, 1_760_000_000_000);
  const entries = new Map(set.map(([key, json]) => [key, JSON.parse(json)] as const));
  change(entries);
  const store = new LiveStore();
  const data = JSON.stringify({ at: 1_760_000_000_000, entries: Object.fromEntries(entries) });
  store.handleEvent({ id: "a-1", event: "snapshot", data });
  return store;
}

const changed = (store: LiveStore, at: number, set: object, gone: readonly string[] = []) =>
  store.handleEvent({ id: "a-2", event: "change", data: JSON.stringify({ at, set, gone }) });

const KEY = "K7+oSr6G2UdFYZfoOmC1ZfUCyUK0jPZyQ3NbNNqyMkk=";

Deno.test("EventParser gives events out when they are whole, however they were cut", () => {
  const text =
    'retry: 1000\n\nid: a-1\nevent: change\ndata: {"a":1}\n\n: nothing new\n\nid: a-2\nevent: change\ndata: {}\n\n';
  const events = [
    { id: "a-1", event: "change", data: '{"a":1}' },
    { id: "a-2", event: "change", data: "{}" },
  ];
  for (let size = 1; size <= text.length; size++) {
    const parser = new EventParser();
    const pieces = text.match(new RegExp(`[^]{1,${size}}`, "g")) ?? [];
    assert.deepEqual(pieces.flatMap((piece) => parser.push(piece)), events, `pieces of ${size}`);
  }
});

Deno.test("LiveStore measures rates between two words of a peer, and none over a restart", async () => {
  const store = await filledStore();
  assert.deepEqual(store.traffic(KEY).rates, { rx: 0, tx: 0 });
  changed(store, 1_760_000_002_000, { [`traffic:${KEY}`]: [1_236_567, 1_042, 0.7, null, 0, 97] });
  assert.deepEqual(store.traffic(KEY).rates, { rx: 8_000, tx: 4_000 });
  changed(store, 1_760_000_004_000, { [`traffic:${KEY}`]: [0, 0, 0.7, null, 0, 97] });
  assert.deepEqual(store.traffic(KEY).rates, { rx: 0, tx: 0 });
  changed(store, 1_760_000_005_000, {}, [`peer:${KEY}`]);
  assert.equal(meshOf(store).byKey.has(KEY), false);
});

Deno.test("failingShare() is of the calls of the last minute, whatever was before", () => {
  const stats = { service: "orders", action: "place", side: "caller", p50Ms: 1, p99Ms: 9 } as const;
  assert.equal(failingShare([{ ...stats, calls: 90_000, errors: 12, rate: 4, errorRate: 4 }]), 1);
  assert.equal(failingShare([{ ...stats, calls: 100, errors: 99, rate: 4, errorRate: 0 }]), 0);
  assert.equal(failingShare([{ ...stats, calls: 100, errors: 99, rate: 0, errorRate: 0 }]), undefined);
  // An agent of a former release does not tell.
  assert.equal(failingShare([{ ...stats, calls: 100, errors: 99, rate: 4 }]), 0);
});

Deno.test("meshOf() joins what both ends say of a link", async () => {
  const mesh = meshOf(await filledStore());
  assert.deepEqual(mesh.nodes.map(({ name }) => name), ["leader", 'a "quoted"\\\nname', "web-1"]);
  const [link] = mesh.links;
  assert.deepEqual(link?.ends.map((end) => end?.path), ["direct", "relay"]);
  assert.equal(link?.rttMs, 0.73);
  assert.equal(mesh.nodes[0]?.links.length, 1);
});

Deno.test("meshOf() takes another member's word for one whom this node does not probe, and not for one it misses", async () => {
  const other = "44".repeat(16);
  const key = "DDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDA=";
  const withPeer = (failureCount: number) =>
    filledStore((entries) => {
      const peer = entries.get(`peer:${KEY}`) as object;
      entries.set(`peer:${key}`, {
        ...peer,
        id: other,
        name: "far",
        publicKey: key,
        healthy: false,
        path: "none",
        failureCount,
      });
      const [table] = sampleLinks;
      const [row] = table?.links ?? [];
      entries.set(`links:${table?.id}`, { ...table, links: [{ ...row, id: other, healthy: true }] });
    });
  const healthOf = async (failures: number) => meshOf(await withPeer(failures)).byKey.get(key)?.health;
  assert.equal(await healthOf(0), "healthy");
  assert.equal(await healthOf(2), "unhealthy");
});

Deno.test("searched() finds nodes by all words, wherever they stand", async () => {
  const { nodes } = meshOf(await filledStore());
  const found = (text: string) => searched(nodes, text).map(({ name }) => name);
  assert.deepEqual(found("role=web 10.200"), ["web-1"]);
  assert.deepEqual(found("LEADER"), ["leader"]);
  assert.deepEqual(found("nobody"), []);
  assert.equal(found("  ").length, 3);
});

Deno.test("layoutOf() is the same each time, keeps nodes apart, and groups by a label", async () => {
  const store = await filledStore((entries) => {
    const peer = entries.get(`peer:${KEY}`) as object;
    for (let i = 0; i < 200; i++) {
      const publicKey = `K${i}`;
      const named = {
        name: `n-${i}`,
        publicKey,
        id: String(i).padStart(32, "0"),
        labels: { zone: `z${i % 5}` },
      };
      entries.set(`peer:${publicKey}`, { ...peer, ...named });
    }
  });
  const mesh = meshOf(store);
  for (const grouping of [undefined, "zone", "address"]) {
    const layout = layoutOf(mesh, grouping, undefined, 1.6);
    assert.deepEqual(layout, layoutOf(mesh, grouping, undefined, 1.6));
    assert.equal(layout.places.size, mesh.nodes.length);
    const places = [...layout.places.values()];
    for (const [i, a] of places.entries()) {
      for (const b of places.slice(i + 1)) assert(Math.hypot(a.x - b.x, a.y - b.y) > 5, `${grouping}`);
    }
  }
  const { groups } = layoutOf(mesh, "zone", undefined, 1.6);
  assert.deepEqual(groups.map(({ name, nodes }) => [name, nodes.length]), [
    ["without", 3],
    ...[0, 1, 2, 3, 4].map((zone) => [`z${zone}`, 40]),
  ]);
});

Deno.test("numbers and spans are read as people say them", () => {
  assert.deepEqual([0, 59_400, 61_000, 3 * 3_600_000 + 240_000, 2 * 86_400_000].map(span), [
    ...["0 s", "59 s", "1 min", "3 h 4 min", "2 d"],
  ]);
  assert.deepEqual([0, 999, 1_234, 12_345_678].map(bytes), ["0 B", "999 B", "1.2 kB", "12 MB"]);
  assert.deepEqual([0, 2_500_000_000].map(bits), ["0 bit/s", "2.5 Gbit/s"]);
  assert.deepEqual([0.026, 4.123, 41.2, 412, 1_234.5].map(figure), ["0.026", "4.1", "41", "412", "1,235"]);
  assert.deepEqual([null, undefined, 0.734, 12.4].map(roundTrip), ["–", "–", "0.73 ms", "12 ms"]);
});

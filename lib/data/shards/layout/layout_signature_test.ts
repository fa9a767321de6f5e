import assert from "node:assert/strict";
import { type PeerId, peerId } from "../../../service/mod.ts";
import { layoutKeys } from "../../testing/layout_keys.ts";
import { layoutValue, readLayout, type ShardLayout, type ShardRecord } from "./layout.ts";
import { LayoutSignatures } from "./layout_signature.ts";

const [A, B, EVE] = [peerId("a"), peerId("b"), peerId("eve")];
const RECORD: ShardRecord = { term: 3, owner: A, inSync: [A, B], joining: [] };
const LAYOUT: ShardLayout = {
  spec: { name: "orders", key: "id", index: ["city"], read: "role=data" },
  options: { count: 1, replicas: 1, durability: "replicated", over: "role=data" },
  generation: 2,
  version: 5,
  home: A,
  layoutReplicas: [A, B, peerId("c")],
  shards: [RECORD],
};

/** Only `a` and `b` may be home. */
const of = (member: PeerId, network?: string) =>
  new LayoutSignatures(layoutKeys(member, network), (_, member) => member === A || member === B);
const reader = of(peerId("reader"));
const signed = of(A).sign(LAYOUT);

Deno.test("a layout that its home has signed is read back as it was, and is taken by whoever may", () => {
  const read = readLayout(JSON.parse(JSON.stringify(layoutValue(signed))));
  assert.deepEqual(read, signed);
  assert.equal(reader.provenance(signed), "signed");
  assert.ok(reader.mayTake(signed, [undefined]) && reader.mayTake(signed, [LAYOUT]));
});

Deno.test("a signature is worth nothing for anything else", () => {
  const shard = (change: Partial<ShardRecord>) => ({ shards: [{ ...RECORD, ...change }] });
  const { read: _, ...openSpec } = LAYOUT.spec;
  const cases: Readonly<Record<string, Partial<ShardLayout>>> = {
    "another collection": { spec: { ...LAYOUT.spec, name: "carts" } },
    "another key": { spec: { ...LAYOUT.spec, key: "no" } },
    "other readers": { spec: openSpec },
    "other writers": { spec: { ...LAYOUT.spec, write: "role=x" } },
    "other indexes": { spec: { ...LAYOUT.spec, index: [] } },
    "over others": { options: { ...LAYOUT.options, over: "role=x" } },
    "other replicas": { options: { ...LAYOUT.options, replicas: 2 } },
    "another durability": { options: { ...LAYOUT.options, durability: "owner" } },
    "a later generation": { generation: 3 },
    "a later version": { version: 6 },
    "another home": { home: B },
    "other keepers": { layoutReplicas: [A, B, EVE] },
    "another owner": shard({ owner: B }),
    "another term": shard({ term: 4 }),
    "others in step": shard({ inSync: [A] }),
    "others joining": shard({ joining: [EVE] }),
    "one that was not known": { shards: [RECORD, RECORD] },
  };
  for (const [name, change] of Object.entries(cases)) {
    const forged = { ...signed, ...change };
    assert.equal(reader.provenance(forged), "forged", name);
    assert.equal(reader.mayTake(forged, [undefined]), false, name);
    assert.equal(reader.mayFollow(forged, LAYOUT), false, name);
  }
  assert.equal(of(A, "another network").provenance(signed), "forged");
  assert.equal(reader.provenance(of(EVE).sign(LAYOUT)), "forged");
});

Deno.test("readLayout() takes no signature that can be none", () => {
  const { signature = "" } = signed;
  for (const bad of ["", signature.slice(4), `${signature}AAAA`, `${signature.slice(0, -1)}A`, 7, null, {}]) {
    assert.equal(readLayout({ ...layoutValue(signed), signature: bad }), undefined, JSON.stringify(bad));
  }
});

Deno.test("where a layout was signed the signature is never left out again, and before that nobody asks for it", () => {
  const stripped: ShardLayout = { ...LAYOUT, version: 6 };
  assert.ok(reader.mayTake(stripped, [LAYOUT]) && reader.mayTake(stripped, [undefined]));
  assert.ok(reader.mayFollow(stripped, LAYOUT));
  assert.equal(reader.mayTake(stripped, [signed]), false);
  assert.equal(reader.mayTake(stripped, [LAYOUT, signed]), false);
  assert.equal(reader.mayFollow(stripped, signed), false);
});

Deno.test("what another than the home tells has to be signed by that home, or by one that may be home", () => {
  const later = { ...LAYOUT, generation: 3 };
  assert.ok(reader.mayFollow(of(B).sign({ ...later, home: B }), signed));
  assert.equal(reader.mayFollow(of(EVE).sign({ ...later, home: EVE }), signed), false);
  assert.equal(reader.mayFollow(of(EVE).sign({ ...later, home: EVE }), LAYOUT), false);
});

Deno.test("a home whose key nobody tells any more is as one that signs nothing", () => {
  const forgotten = new LayoutSignatures(
    { ...layoutKeys(B), isSignedBy: () => undefined },
    () => true,
  );
  assert.equal(forgotten.provenance(signed), "unsigned");
  assert.equal(forgotten.mayTake(signed, [of(A).sign(LAYOUT)]), true);
  assert.equal(forgotten.mayTake({ ...signed, version: 9 }, [signed]), false);
  assert.equal(forgotten.newestOf([LAYOUT, signed])?.version, 5);
});

Deno.test("a signature is checked once, and of nothing that was taken before", () => {
  let checks = 0;
  const keys = layoutKeys(B);
  const counting = new LayoutSignatures({
    ...keys,
    isSignedBy: (...asked) => {
      checks++;
      return keys.isSignedBy(...asked);
    },
  }, () => true);
  assert.ok(counting.mayTake(signed, [undefined]));
  assert.equal(checks, 1);
  assert.ok(counting.mayTake({ ...signed }, [signed]));
  assert.equal(checks, 1);
});

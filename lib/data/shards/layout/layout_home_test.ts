import assert from "node:assert/strict";
import { silentLogger, VirtualClock, VirtualTimers } from "../../../base/mod.ts";
import { type PeerId, peerId } from "../../../service/mod.ts";
import { layoutKeys } from "../../testing/layout_keys.ts";
import { layoutValue, readLayout, type ShardLayout } from "./layout.ts";
import { type HomeParts, LayoutHome } from "./layout_home.ts";
import { LayoutSignatures } from "./layout_signature.ts";

const FORMER = peerId("former");
const NEXT = peerId("next");
const B = peerId("b");
const LIAR = peerId("liar");
const LEADER = peerId("leader");
/** The next home and a leader may be home now. */
const of = (member: PeerId, network?: string) =>
  new LayoutSignatures(layoutKeys(member, network), (_, member) => member === NEXT || member === LEADER);

const first: ShardLayout = of(FORMER).sign({
  spec: { name: "orders", key: "id", index: [] },
  options: { count: 1, replicas: 1, durability: "replicated" },
  generation: 4,
  version: 6,
  home: FORMER,
  layoutReplicas: [FORMER, B, LIAR],
  shards: [{ term: 2, owner: B, inSync: [B, LIAR], joining: [] }],
});
const later = of(FORMER).sign({
  ...first,
  version: 7,
  shards: [{ term: 3, owner: B, inSync: [B], joining: [] }],
});
/** All of it the liar's. */
const lie: ShardLayout = {
  ...later,
  version: 50,
  shards: [{ term: 9, owner: LIAR, inSync: [LIAR], joining: [] }],
};
const { signature: _, ...stripped } = lie;

/** What a home stands on whose members answer by `call`. */
function partsOf(self: () => PeerId, call: HomeParts["call"]): HomeParts {
  const clock = new VirtualClock();
  return {
    ...{ clock, timers: new VirtualTimers(clock), log: silentLogger },
    ...{ self, call },
    signatures: {
      follow: (...asked) => of(self()).follow(...asked),
      sign: (layout) => of(self()).sign(layout),
    },
    candidates: () => [self(), B, LIAR],
    isMember: () => true,
  };
}

/** @param kept what those who keep the layout tell; whom it lacks does not answer */
async function adopt(known: ShardLayout, kept: ReadonlyMap<PeerId, ShardLayout>): Promise<ShardLayout> {
  const parts = partsOf(() => NEXT, (node, action, params) => {
    const layout = kept.get(node);
    if (layout === undefined) return Promise.reject(new Error("away"));
    if (action !== "promise") return Promise.resolve({ ok: true });
    const { generation } = params as { readonly generation: number };
    return Promise.resolve({ ok: true, promised: generation, kept: layoutValue(layout) });
  });
  const home = await LayoutHome.adopt(parts, known);
  home.close();
  return home.layout;
}

Deno.test("LayoutHome.adopt() takes nothing that one who keeps the layout has made up", async () => {
  const lies: Readonly<Record<string, ShardLayout>> = {
    "changed under the signature": lie,
    "without a signature": stripped,
    "signed by the liar in the home's name": of(LIAR).sign(lie),
    "signed by the liar as the home": of(LIAR).sign({ ...lie, generation: 5, home: LIAR }),
    "signed in another network": of(FORMER, "another").sign(lie),
    "signed for another collection": of(FORMER).sign({ ...lie, spec: { ...lie.spec, name: "carts" } }),
    "signed for a collection that is spread otherwise": of(FORMER).sign({
      ...lie,
      options: { ...lie.options, replicas: 0 },
    }),
    "signed for another collection, under this one's name": {
      ...of(FORMER).sign({ ...lie, spec: { ...lie.spec, name: "carts" } }),
      spec: lie.spec,
    },
  };
  for (const [name, told] of Object.entries(lies)) {
    const taken = await adopt(first, new Map([[B, later], [LIAR, told]]));
    assert.deepEqual(taken.shards, later.shards, name);
    assert.deepEqual([taken.generation, taken.home], [5, NEXT], name);
    assert.equal(of(B).provenance(taken), "signed");
  }
});

Deno.test("LayoutHome.adopt() takes the newest, however old what others tell again", async () => {
  const old = of(FORMER).sign({ ...first, version: 1 });
  for (const told of [old, first]) {
    assert.deepEqual((await adopt(first, new Map([[B, later], [LIAR, told]]))).shards, later.shards);
    // What this node has heard from another member by then is enough.
    assert.deepEqual((await adopt(later, new Map([[B, told], [LIAR, told]]))).shards, later.shards);
  }
  // Nobody is left who tells the newest, but for one who does not: the one before it is taken.
  assert.deepEqual((await adopt(first, new Map([[LIAR, first], [B, first]]))).shards, first.shards);
});

Deno.test("LayoutHome.adopt() goes on from one that may be home itself, and from layouts of before signatures", async () => {
  const led = of(LEADER).sign({ ...later, generation: 5, version: 1, home: LEADER });
  assert.deepEqual((await adopt(first, new Map([[B, led], [LIAR, first]]))).shards, led.shards);
  const { signature: _, ...former } = first;
  const taken = await adopt(former, new Map([[B, { ...stripped, version: 7 }], [LIAR, former]]));
  assert.deepEqual(taken.shards, stripped.shards);
  // Once the home has signed one, that counts, although others tell less.
  for (const told of [former, stripped]) {
    assert.deepEqual((await adopt(former, new Map([[B, later], [LIAR, told]]))).shards, later.shards);
  }
});

Deno.test("a home signs at once what a former release has decided, and signs anew when it goes on under other keys", async () => {
  let self = FORMER;
  const told: ShardLayout[] = [];
  const parts = partsOf(() => self, (_, action, params) => {
    if (action === "status") return Promise.resolve({ generation: 4, version: 6, copies: [] });
    if (action === "keep") told.push(readLayout((params as { layout: unknown }).layout) ?? assert.fail());
    return Promise.resolve({ ok: true });
  });
  const { signature: _, ...unsigned } = first;
  const home = LayoutHome.resume(parts, unsigned);
  const looks = async () => {
    told.length = 0;
    await home.look();
    return [told.length > 0, of(B).provenance(home.layout), home.layout.home, home.layout.version] as const;
  };
  assert.deepEqual(await looks(), [true, "signed", FORMER, 7]);
  assert.deepEqual(await looks(), [false, "signed", FORMER, 7]);
  self = NEXT;
  assert.deepEqual(await looks(), [true, "signed", NEXT, 8]);
  home.close();
});

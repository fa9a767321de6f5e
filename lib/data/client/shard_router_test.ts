import assert from "node:assert/strict";
import { CallError, type PeerId, peerId } from "../../service/mod.ts";
import { DataError } from "../errors.ts";
import { LayoutSignatures, layoutValue, readLayout, type ShardLayout } from "../shards/mod.ts";
import { layoutKeys } from "../testing/layout_keys.ts";
import { ShardRouter } from "./shard_router.ts";

const HOME = peerId("home");
const NEXT = peerId("next");
const A = peerId("a");
const B = peerId("b");
const EVE = peerId("eve");

/** Only the next home may be home now. */
const of = (member: PeerId) => new LayoutSignatures(layoutKeys(member), (_, member) => member === NEXT);
const ownedBy = (owner: PeerId, change: Partial<ShardLayout> = {}): ShardLayout => ({
  spec: { name: "items", key: "id", index: [] },
  options: { count: 1, replicas: 1, durability: "replicated" },
  ...{ generation: 1, version: 1, home: HOME },
  layoutReplicas: [HOME, A, B],
  shards: [{ term: 1, owner, inSync: [owner, A], joining: [] }],
  ...change,
});

/**
 * Asks for an entry when the first owner has it no more.
 * @param told what members say of the layout
 * @returns the members that were asked for the entry
 */
async function asked(
  known: ShardLayout,
  told: ReadonlyMap<PeerId, ShardLayout>,
  isFormer = false,
): Promise<readonly string[]> {
  const owners: string[] = [];
  let now = 0;
  const router = new ShardRouter({
    now: () => now,
    pause: (ms) => Promise.resolve(void (now += ms)),
    ask: (_, path, params, { node }) => {
      const { layout, known: before } = params as { readonly layout: unknown; readonly known: unknown };
      if (path === "$shards/layout") {
        const layout = told.get(peerId(node ?? ""));
        if (layout === undefined) return Promise.reject(new DataError("OwnerAway", "away"));
        return Promise.resolve(layoutValue(layout));
      }
      if (path === "$shards/check") {
        assert.equal(node, undefined);
        if (isFormer) {
          const cause = new CallError({
            code: "UnknownAction",
            message: "none",
            retryable: false,
            executed: false,
          });
          return Promise.reject(new DataError("Failed", "none", { cause }));
        }
        const [later, earlier] = [readLayout(layout), readLayout(before)];
        assert.ok(later && earlier);
        return Promise.resolve({ ok: of(B).mayFollow(later, earlier) });
      }
      owners.push(node ?? "");
      return node === known.shards[0]?.owner
        ? Promise.reject(new DataError("Moved", "not here"))
        : Promise.resolve([null]);
    },
  }, known);
  await router.ask(0, "get", { key: "1" }, { timeoutMs: 200, idempotent: true }).catch(({ code }) =>
    assert.equal(code, "OwnerAway")
  );
  return [...new Set(owners)];
}

Deno.test("a program goes to no owner that a member has made up, and to the next one that the home has signed", async () => {
  const known = of(HOME).sign(ownedBy(A));
  const lie = ownedBy(EVE, { version: 9 });
  const moved = of(HOME).sign(ownedBy(B, { version: 2 }));
  for (const told of [lie, { ...known, ...lie }, of(EVE).sign(lie), of(EVE).sign({ ...lie, home: EVE })]) {
    assert.deepEqual(await asked(known, new Map([[A, told]])), [A]);
    assert.deepEqual(await asked(known, new Map([[A, told], [B, moved]])), [A, B]);
  }
  const taken = of(NEXT).sign(ownedBy(B, { generation: 2, home: NEXT }));
  assert.deepEqual(await asked(known, new Map([[A, taken]])), [A, B]);
});

Deno.test("a program of a node that knows no signatures, or of a home that signs nothing, goes by what it is told", async () => {
  const known = of(HOME).sign(ownedBy(A));
  const moved = of(HOME).sign(ownedBy(B, { version: 2 }));
  assert.deepEqual(await asked(known, new Map([[A, moved]]), true), [A, B]);
  assert.deepEqual(await asked(ownedBy(A), new Map([[A, ownedBy(B, { version: 2 })]])), [A, B]);
});

import assert from "node:assert/strict";
import fc from "fast-check";
import { LayeredMap } from "./layered_map.ts";

const key = fc.integer({ min: 0, max: 8 });
const change = fc.oneof(
  fc.record({ what: fc.constant("set" as const), key, value: fc.option(fc.nat(5), { nil: undefined }) }),
  fc.record({ what: fc.constant("delete" as const), key }),
);

function apply(map: LayeredMap<number, number | undefined>, twin: Map<number, number | undefined>) {
  return (each: { what: "set" | "delete"; key: number; value?: number | undefined }) => {
    if (each.what === "set") {
      map.set(each.key, each.value);
      twin.set(each.key, each.value);
    } else assert.equal(map.delete(each.key), twin.delete(each.key));
  };
}

function same(
  map: LayeredMap<number, number | undefined>,
  twin: ReadonlyMap<number, number | undefined>,
): void {
  const sorted = (pairs: Iterable<readonly [number, number | undefined]>) =>
    [...pairs].sort(([a], [b]) => a - b);
  assert.deepEqual(sorted(map.entries()), sorted(twin));
  assert.deepEqual([...map.keys()].sort(), [...twin.keys()].sort());
  assert.deepEqual([...map.values()].sort(), [...twin.values()].sort());
  assert.equal(map.size, twin.size);
  for (let key = 0; key <= 8; key++) {
    assert.equal(map.get(key), twin.get(key));
    assert.equal(map.has(key), twin.has(key));
  }
}

Deno.test("LayeredMap agrees with a plain map over none, one and two layers, and changes none of those below", () => {
  fc.assert(fc.property(fc.array(change), fc.array(change), fc.array(change), (first, second, third) => {
    const [base, baseTwin] = [
      new LayeredMap<number, number | undefined>(),
      new Map<number, number | undefined>(),
    ];
    first.forEach(apply(base, baseTwin));
    same(base, baseTwin);
    const [middle, middleTwin] = [new LayeredMap(base), new Map(baseTwin)];
    second.forEach(apply(middle, middleTwin));
    same(middle, middleTwin);
    const [top, topTwin] = [new LayeredMap(middle), new Map(middleTwin)];
    third.forEach(apply(top, topTwin));
    same(top, topTwin);
    const changed = new Set(top.changedKeys());
    for (let key = 0; key <= 8; key++) {
      if (top.has(key) !== middle.has(key) || top.get(key) !== middle.get(key)) assert.ok(changed.has(key));
    }
    same(middle, middleTwin);
    same(base, baseTwin);
    top.reset();
    same(top, middleTwin);
    base.reset();
    same(base, new Map());
  }));
});

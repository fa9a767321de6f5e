import assert from "node:assert/strict";
import fc from "fast-check";
import { ShortLivedMap } from "./short_lived_map.ts";

Deno.test("ShortLivedMap holds what a Map holds, in its order, however many come and go", () => {
  const step = fc.record({ key: fc.nat(40), isRemoved: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { minLength: 4_000, maxLength: 4_000, size: "max" }), (steps) => {
      const map = new ShortLivedMap<number, object>();
      const oracle = new Map<number, object>();
      for (const { key, isRemoved } of steps) {
        const value = {};
        if (isRemoved) assert.equal(map.delete(key), oracle.delete(key));
        else map.set(key, value), oracle.set(key, value);
        assert.equal(map.get(key), oracle.get(key));
        assert.deepEqual([map.has(key), map.size], [oracle.has(key), oracle.size]);
      }
      assert.deepEqual(map.values(), [...oracle.values()]);
    }),
    { numRuns: 10 },
  );
});

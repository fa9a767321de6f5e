import assert from "node:assert/strict";
import { randomUint32, SeededRandom } from "./random.ts";
import { ShortLivedMap } from "./short_lived_map.ts";

Deno.test("ShortLivedMap holds what a Map holds, in its order, however many come and go", () => {
  for (const underWay of [1, 16, 256, 3_000]) {
    const map = new ShortLivedMap<number, object>();
    const oracle = new Map<number, object>();
    // One that stays, however many are made anew.
    for (let number = 0; number < 10_000; number++) {
      const value = {};
      map.set(number, value);
      oracle.set(number, value);
      const ended = number - underWay;
      if (ended <= 0) continue;
      assert.equal(map.delete(ended), oracle.delete(ended));
      assert.equal(map.delete(ended), false);
      assert.deepEqual([map.size, map.has(0), map.has(ended)], [oracle.size, true, false]);
      assert.equal(map.get(number), value);
      assert.equal(map.get(ended), undefined);
    }
    assert.deepEqual(map.values(), [...oracle.values()]);
    assert.equal(map.values()[0], oracle.get(0));
  }
});

Deno.test("ShortLivedMap holds what a Map holds, also where it is empty now and then", () => {
  const random = new SeededRandom(7);
  const map = new ShortLivedMap<number, number>();
  const oracle = new Map<number, number>();
  for (let i = 0; i < 20_000; i++) {
    const key = randomUint32(random) % 4;
    if (randomUint32(random) % 2 === 0) {
      map.set(key, i);
      oracle.set(key, i);
    } else assert.equal(map.delete(key), oracle.delete(key));
    assert.deepEqual([map.size, map.has(key), map.get(key)], [
      oracle.size,
      oracle.has(key),
      oracle.get(key),
    ]);
    assert.deepEqual(map.values(), [...oracle.values()]);
  }
});

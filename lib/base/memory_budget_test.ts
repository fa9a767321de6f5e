import assert from "node:assert/strict";
import fc from "fast-check";
import { MemoryBudget } from "./memory_budget.ts";

const MIB = 1 << 20;

Deno.test("MemoryBudget leaves room for whoever comes late, however many have taken what they can", () => {
  const budget = new MemoryBudget({ totalBytes: 256 * MIB, originBytes: 64 * MIB });
  const taken = Array.from({ length: 6 }, (_, i) => {
    let claimed = 0;
    while (budget.claim(`origin ${i}`, MIB)) claimed++;
    return claimed;
  });
  assert.deepEqual(taken, [64, 64, 64, 32, 16, 8]);
  assert.ok(budget.claim("late", 4 * MIB));
});

Deno.test("MemoryBudget counts what is refused, and forgets an origin that has given everything back", () => {
  const budget = new MemoryBudget({ totalBytes: 100, originBytes: 50 });
  assert.ok(budget.claim("a", 30));
  assert.ok(!budget.claim("a", 21));
  budget.charge("b", 60);
  assert.ok(!budget.claim("c", 6), "what was charged is gone for others");
  assert.deepEqual([budget.refused, budget.usedBytes, budget.of("b")], [2, 90, 60]);
  budget.release("a", 30);
  budget.release("b", 60);
  assert.deepEqual([budget.usedBytes, budget.peakBytes, budget.of("a"), budget.of("b")], [0, 90, 0, 0]);
  assert.throws(() => new MemoryBudget({ totalBytes: 0, originBytes: 1 }), RangeError);
});

Deno.test("MemoryBudget never gives more than its limits, and sums up to what each origin has", () => {
  const step = fc.record({
    origin: fc.constantFrom("a", "b", "c"),
    bytes: fc.integer({ min: 1, max: 60 }),
    gives: fc.boolean(),
  });
  fc.assert(fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
    const budget = new MemoryBudget({ totalBytes: 100, originBytes: 50 });
    const held = new Map<string, number[]>();
    for (const { origin, bytes, gives } of steps) {
      const claims = held.get(origin) ?? [];
      held.set(origin, claims);
      const former = gives ? claims.pop() : undefined;
      if (former !== undefined) budget.release(origin, former);
      else if (budget.claim(origin, bytes)) claims.push(bytes);
      const sums = [...held].map(([name, claimed]) => {
        const sum = claimed.reduce((a, b) => a + b, 0);
        assert.equal(budget.of(name), sum);
        assert.ok(sum <= 50);
        return sum;
      });
      assert.equal(budget.usedBytes, sums.reduce((a, b) => a + b, 0));
      assert.ok(budget.usedBytes <= 100);
    }
  }));
});

import assert from "node:assert/strict";
import fc from "fast-check";
import { BoundedQueue } from "./bounded_queue.ts";

Deno.test("BoundedQueue agrees with an array that is cut at the front", () => {
  const step = fc.oneof(
    { weight: 5, arbitrary: fc.constant("push" as const) },
    { weight: 3, arbitrary: fc.constant("shift" as const) },
    { weight: 1, arbitrary: fc.constant("clear" as const) },
  );
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 20 }), fc.array(step, { maxLength: 100 }), (capacity, steps) => {
      const queue = new BoundedQueue<number>(capacity);
      const model: number[] = [];
      for (const [item, kind] of steps.entries()) {
        if (kind === "push") {
          const dropped = model.length === capacity ? model.shift() : undefined;
          model.push(item);
          assert.equal(queue.push(item), dropped);
        } else if (kind === "shift") {
          assert.equal(queue.shift(), model.shift());
        } else {
          queue.clear();
          model.length = 0;
        }
        assert.equal(queue.size, model.length);
      }
      for (const item of model) assert.equal(queue.shift(), item);
      assert.equal(queue.shift(), undefined);
    }),
  );
});

Deno.test("BoundedQueue refuses a capacity that is no positive integer", () => {
  for (const capacity of [0, -1, 1.5, NaN, Infinity]) {
    assert.throws(() => new BoundedQueue(capacity), RangeError);
  }
});

import assert from "node:assert/strict";
import fc from "fast-check";
import { PriorityQueue } from "./priority_queue.ts";

Deno.test("PriorityQueue agrees with a list that is sorted each time, and keeps the order of what is due at once", () => {
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.nat(10) },
    { weight: 3, arbitrary: fc.constant("pop" as const) },
    { weight: 1, arbitrary: fc.constant("retain" as const) },
  );
  fc.assert(fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
    const queue = new PriorityQueue<number>();
    const isKept = (item: number) => item % 3 > 0;
    let model: { readonly at: number; readonly item: number }[] = [];
    const [heads, expected]: [unknown[], unknown[]] = [[], []];
    const see = (due: { readonly at: number; readonly item: number } | undefined) =>
      due && [due.at, due.item];
    for (const [item, step] of steps.entries()) {
      if (step === "pop") {
        heads.push(see(queue.pop()));
        expected.push(see(model.shift()));
      } else if (step === "retain") {
        queue.retain(isKept);
        model = model.filter(({ item }) => isKept(item));
      } else {
        queue.push(step, item);
        // A stable sort.
        model = [...model, { at: step, item }].sort((a, b) => a.at - b.at);
      }
      heads.push(see(queue.first), queue.size);
      expected.push(see(model[0]), model.length);
    }
    while (queue.size > 0) heads.push(see(queue.pop()));
    assert.deepEqual(heads, [...expected, ...model.map(see)]);
    assert.equal(queue.pop(), undefined);
  }));
});

Deno.test("PriorityQueue.push() returns where the item may be replaced", () => {
  const queue = new PriorityQueue<string | undefined>();
  const due = queue.push(1, "a");
  queue.push(2, "b");
  due.item = undefined;
  assert.equal(queue.first, due);
  queue.retain((item) => item !== undefined);
  assert.deepEqual([queue.size, queue.pop()?.item], [1, "b"]);
});

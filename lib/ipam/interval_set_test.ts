import assert from "node:assert/strict";
import fc from "fast-check";
import { IntervalSet } from "./interval_set.ts";

const arbitraryValue = fc.bigInt({ min: 0n, max: 12n });

Deno.test("IntervalSet agrees with a Set of single integers", () => {
  const step = fc.record({ kind: fc.constantFrom("add", "delete"), value: arbitraryValue });
  fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    const intervals = new IntervalSet();
    const model = new Set<bigint>();
    for (const { kind, value } of steps) {
      if (kind === "add") assert.equal(intervals.add(value), !model.has(value));
      else assert.equal(intervals.delete(value), model.has(value));
      if (kind === "add") model.add(value);
      else model.delete(value);
      assert.equal(intervals.size, BigInt(model.size));
      assert.deepEqual(intervals.intervals(), runsOf(model));
    }
    for (let value = -1n; value < 14n; value++) {
      assert.equal(intervals.has(value), model.has(value));
      let missing = value;
      while (model.has(missing)) missing++;
      assert.equal(intervals.firstMissing(value), missing);
    }
    const copy = new IntervalSet();
    for (const run of intervals.intervals()) assert.equal(copy.append(run), true);
    assert.deepEqual(copy.intervals(), intervals.intervals());
    assert.equal(copy.size, intervals.size);
  }));
});

function runsOf(model: ReadonlySet<bigint>): { first: bigint; last: bigint }[] {
  const runs: { first: bigint; last: bigint }[] = [];
  for (let value = 0n; value <= 12n; value++) {
    const previous = runs.at(-1);
    if (!model.has(value)) continue;
    if (previous !== undefined && previous.last === value - 1n) previous.last = value;
    else runs.push({ first: value, last: value });
  }
  return runs;
}

Deno.test("IntervalSet.append() joins runs that touch and refuses what is not above", () => {
  const intervals = new IntervalSet();
  assert.equal(intervals.append({ first: 5n, last: 7n }), true);
  assert.equal(intervals.append({ first: 8n, last: 8n }), true);
  assert.deepEqual(intervals.intervals(), [{ first: 5n, last: 8n }]);
  assert.equal(intervals.append({ first: 8n, last: 9n }), false);
  assert.equal(intervals.append({ first: 1n, last: 2n }), false);
  assert.equal(intervals.append({ first: 20n, last: 19n }), false);
  assert.deepEqual(intervals.intervals(), [{ first: 5n, last: 8n }]);
  assert.equal(intervals.size, 4n);
});

Deno.test("IntervalSet.intervals() is a copy", () => {
  const intervals = new IntervalSet();
  intervals.add(1n);
  const before = intervals.intervals();
  intervals.add(2n);
  assert.deepEqual(before, [{ first: 1n, last: 1n }]);
});

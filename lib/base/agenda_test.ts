import assert from "node:assert/strict";
import fc from "fast-check";
import { Agenda } from "./agenda.ts";

Deno.test("Agenda agrees with a list that is sorted each time, and keeps the order of what is due at once", () => {
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.nat(10) },
    { weight: 3, arbitrary: fc.constant("pop" as const) },
    { weight: 1, arbitrary: fc.constant("retain" as const) },
  );
  fc.assert(fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
    const agenda = new Agenda<number>();
    const isKept = (item: number) => item % 3 > 0;
    let model: { readonly at: number; readonly item: number }[] = [];
    const [heads, expected]: [unknown[], unknown[]] = [[], []];
    const see = (due: { readonly at: number; readonly item: number } | undefined) =>
      due && [due.at, due.item];
    for (const [item, step] of steps.entries()) {
      if (step === "pop") {
        heads.push(see(agenda.pop()));
        expected.push(see(model.shift()));
      } else if (step === "retain") {
        agenda.retain(isKept);
        model = model.filter(({ item }) => isKept(item));
      } else {
        agenda.push(step, item);
        // A stable sort.
        model = [...model, { at: step, item }].sort((a, b) => a.at - b.at);
      }
      heads.push(see(agenda.first), agenda.size);
      expected.push(see(model[0]), model.length);
    }
    while (agenda.size > 0) heads.push(see(agenda.pop()));
    assert.deepEqual(heads, [...expected, ...model.map(see)]);
    assert.equal(agenda.pop(), undefined);
  }));
});

Deno.test("Agenda.push() returns where the item may be replaced", () => {
  const agenda = new Agenda<string | undefined>();
  const due = agenda.push(1, "a");
  agenda.push(2, "b");
  due.item = undefined;
  assert.equal(agenda.first, due);
  agenda.retain((item) => item !== undefined);
  assert.deepEqual([agenda.size, agenda.pop()?.item], [1, "b"]);
});

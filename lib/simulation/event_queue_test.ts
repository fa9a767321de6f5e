import assert from "node:assert/strict";
import fc from "fast-check";
import { EventQueue } from "./event_queue.ts";

Deno.test("EventQueue runs events in the order of their times, then of their coming", () => {
  fc.assert(fc.property(fc.array(fc.nat(50), { maxLength: 100 }), (delays) => {
    const queue = new EventQueue();
    const ran: (readonly [number, number])[] = [];
    delays.forEach((delay, i) => queue.after(delay, () => ran.push([queue.now, i])));
    queue.advance(25);
    assert.equal(queue.now, 25);
    assert.ok(ran.every(([at]) => at <= 25));
    queue.advance(25);
    assert.equal(queue.size, 0);
    const expected = delays.map((delay, i) => [delay, i] as const).sort((a, b) => a[0] - b[0] || a[1] - b[1]);
    assert.deepEqual(ran, expected);
  }));
});

Deno.test("EventQueue runs what an event puts in when its time has come", () => {
  const queue = new EventQueue();
  const ran: number[] = [];
  queue.after(10, () => {
    ran.push(queue.now);
    queue.after(5, () => ran.push(queue.now));
    queue.after(50, () => ran.push(queue.now));
  });
  queue.advance(20);
  assert.deepEqual(ran, [10, 15]);
});

import assert from "node:assert/strict";
import { VirtualClock } from "../../base/mod.ts";
import { ResendWindow } from "./resend_window.ts";

Deno.test("nothing is sent again after its time, also when the machine has slept meanwhile", () => {
  const clock = new VirtualClock();
  const window = new ResendWindow(clock, 60_000);
  clock.advance(60_000);
  assert.equal(window.isOver, false);
  clock.advance(1);
  assert.equal(window.isOver, true);
  for (const sleptMs of [200_000, -200_000]) {
    const clock = new VirtualClock();
    const wall = clock.wall.bind(clock);
    const window = new ResendWindow(clock, 60_000);
    clock.advance(1_000);
    assert.equal(window.isOver, false);
    clock.wall = () => wall() + sleptMs as ReturnType<typeof wall>;
    assert.equal(window.isOver, true);
  }
});

import assert from "node:assert/strict";
import { VirtualClock } from "../base/mod.ts";
import { Pace } from "./pace.ts";

Deno.test("Pace lets a burst pass, then what it earns", () => {
  const clock = new VirtualClock();
  const pace = new Pace(clock, { burst: 10, perSecond: 2 });
  assert.equal(pace.spend(10), 0);
  assert.equal(pace.spend(1), 500);
  clock.advance(500);
  assert.equal(pace.spend(2), 1000);
  clock.advance(60_000);
  assert.equal(pace.spend(10), 0, "it earns no more than a burst");
  assert.equal(pace.spend(4), 2000);
});

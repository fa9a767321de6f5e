import assert from "node:assert/strict";
import { randomBytes } from "../base/mod.ts";
import { waitFor } from "../../tests/lab/mod.ts";
import { systemClock, systemRandom, systemTimers } from "./system.ts";

Deno.test("systemClock goes forward and knows the year", () => {
  const before = systemClock.now();
  assert(systemClock.now() >= before);
  assert(Math.abs(systemClock.wall() - Date.now()) < 60_000);
});

Deno.test("systemRandom fills more than one call of the system gives", () => {
  const bytes = randomBytes(systemRandom, 150_000);
  // A tail of 32 zeros by chance has a probability of 2^-256.
  assert(bytes.subarray(-32).some((byte) => byte !== 0));
  assert(bytes.subarray(65_536, 65_568).some((byte) => byte !== 0));
});

Deno.test("systemTimers fire once, unless they are cancelled, and bear a long delay", async () => {
  const fired: string[] = [];
  const cancels = [
    systemTimers.setTimer(1, () => fired.push("cancelled")),
    systemTimers.setTimer(2 ** 40, () => fired.push("far")),
  ];
  cancels[0]?.();
  systemTimers.setTimer(-5, () => fired.push("at once"));
  systemTimers.setTimer(5, () => fired.push("soon"));
  await waitFor(() => fired.includes("soon"), 5_000, { what: "a timer fires" });
  assert.deepEqual(fired, ["at once", "soon"]);
  for (const cancel of cancels) cancel();
});

/**
 * weft on a host whose clock is wrong by `WEFT_TEST_CLOCK_MS` milliseconds: all that an agent knows of the wall clock is
 * `Date.now`.
 * @module
 */

const { now } = Date;
const shiftMs = Number(Deno.env.get("WEFT_TEST_CLOCK_MS"));
Date.now = () => now() + shiftMs;

await import("../../main.ts");

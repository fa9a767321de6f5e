import assert from "node:assert/strict";
import { parseProcessorSeconds, processorSeconds } from "./processor_time.ts";

Deno.test("parseProcessorSeconds() adds user and system time, whatever the name of the program", () => {
  const rest = "S 1 2 3 4 5 6 7 8 9 10 250 50 0 0 20 0 1 0";
  for (const name of ["deno", "a b", "a) S 1 (b"]) {
    assert.equal(parseProcessorSeconds(`42 (${name}) ${rest}`), 3);
  }
});

Deno.test("processorSeconds() is not a number for a process that is not there", () => {
  assert.ok(Number.isNaN(processorSeconds(0)));
});

import assert from "node:assert/strict";
import { RefusalLines } from "./refusal_lines.ts";

Deno.test("RefusalLines says each place and reason once in 10 s, ten at most, and how many more there were", () => {
  const said: string[] = [];
  let now = 0;
  const lines = new RefusalLines((text) => said.push(text), () => now);
  for (let i = 0; i < 3; i++) lines.tell("web", 80, "connection-refused", true);
  assert.deepEqual(said.splice(0), [
    "weft: Cannot reach web:80: nothing is offered at that port\n" +
    "hint: On web, `weft offer 80` offers it, or `weft up --offer 80` for good.\n",
  ]);
  lines.tell("fd00::9", 80, "timeout", false);
  assert.deepEqual(said.splice(0), ["weft: Cannot reach [fd00::9]:80: no answer in time\n"]);
  for (let port = 1; port <= 50; port++) lines.tell("web", port, "failed", false);
  assert.equal(said.splice(0).length, 8);
  now = 10_000;
  lines.tell("web", 80, "connection-refused", false);
  assert.deepEqual(said, [
    "weft: 44 more connections were refused\n",
    "weft: Cannot reach web:80: nothing is offered at that port\n",
  ]);
});

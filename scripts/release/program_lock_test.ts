import assert from "node:assert/strict";
import { ROOT } from "./command.ts";
import { PROGRAM_LOCK, programLock } from "./program_lock.ts";

Deno.test("bin/deno.lock holds what the program is made of, as deno.lock does, and nothing of tests", async () => {
  const text = await Deno.readTextFile(`${ROOT}${PROGRAM_LOCK}`);
  assert.equal(text, await programLock(), "`deno task lock` writes it");
  const names = Object.keys(JSON.parse(text).npm);
  assert.ok(names.some((name) => name.startsWith("zod@")));
  for (const  of of["playwright-core", "fast-check", "bittorrent-dht", "preact", "d3-force"]) {
    assert.ok(!names.some((name) => name.startsWith(`${of}@`)), of);
  }
});

import assert from "node:assert/strict";
import { run } from "./mod.ts";

Deno.test("run() kills what does not end within its bound, and quotes what it said", async () => {
  let pid = 0;
  const hangs = ["sh", "-c", "echo $$; exec sleep 600"];
  await assert.rejects(run(hangs, { boundMs: 300 }), (error: Error) => {
    pid = Number(/out\| (\d+)/.exec(error.message)?.[1]);
    return /did not end within 300 ms/.test(error.message);
  });
  await assert.rejects(Deno.stat(`/proc/${pid}`), Deno.errors.NotFound);
});

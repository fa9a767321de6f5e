import assert from "node:assert/strict";
import { waitFor } from "./mod.ts";

Deno.test("waitFor() returns what the condition returned first", async () => {
  let looks = 0;
  assert.equal(await waitFor(() => ++looks === 3 && `${looks} looks`, 5_000), "3 looks");
});

Deno.test("waitFor() gives up, and names what was waited for and what was thrown last", async () => {
  const broken = new Error("no answer");
  await assert.rejects(waitFor(() => Promise.reject(broken), 50, { what: "an answer" }), (error: Error) => {
    assert.match(error.message, /^an answer did not come true within 50 ms$/);
    return error.cause === broken;
  });
});

Deno.test("waitFor() looks less often at what takes long", async () => {
  let looks = 0;
  await assert.rejects(waitFor(() => void looks++, 1_000));
  assert(looks > 5 && looks < 120, `${looks} looks`);
});

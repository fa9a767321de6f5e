import assert from "node:assert/strict";
import { decodeMeshMessage, encodeUpdates } from "../wire/mod.ts";
import { MAX_UPDATE_BYTES, splitUpdate } from "./replica_update.ts";

Deno.test("splitUpdate() keeps every part within its bound and in order", () => {
  const signed = (i: number) => ({
    payload: new Uint8Array(4000).fill(i),
    signature: new Uint8Array(64).fill(i),
  });
  const all = Array.from({ length: 100 }, (_, i) => signed(i));
  const update = { records: all, statements: all, entries: all };
  const parts = splitUpdate(update);
  assert.deepEqual(parts.flatMap(({ records }) => records), all);
  assert.deepEqual(parts.flatMap(({ statements }) => statements), all);
  assert.deepEqual(parts.flatMap(({ entries }) => entries), all);
  assert.deepEqual(splitUpdate({ records: [], statements: [], entries: [] }), []);
  for (const message of encodeUpdates(update)) {
    assert.ok(message.length <= MAX_UPDATE_BYTES);
    assert.equal(decodeMeshMessage(message)?.kind, "roster-update");
  }
});

import assert from "node:assert/strict";
import { randomBytes, SeededRandom, unixMillis } from "../../base/mod.ts";
import { encodeMessage, MeshMessageSchema } from "../../proto/mod.ts";
import { decodeDigestMessage, encodeDigestMessage } from "./digest_message.ts";

const fingerprints = randomBytes(new SeededRandom(9), 512);

for (const wall of [0, 1, 127, 128, 1_735_689_600_123, Number.MAX_SAFE_INTEGER]) {
  Deno.test(`encodeDigestMessage() makes of the time ${wall} what the generated code makes of it`, () => {
    const digest = { fingerprints, wallTime: unixMillis(wall) };
    const value = { fingerprints, wallTime: BigInt(wall) };
    const bytes = encodeMessage(MeshMessageSchema, { kind: { case: "digest", value } });
    assert.deepEqual(encodeDigestMessage(digest), bytes);
    // One without a time is left to the generated code.
    assert.deepEqual(decodeDigestMessage(bytes), wall === 0 ? undefined : digest);
  });
}

Deno.test("decodeDigestMessage() rejects what is cut, longer, or has another field anywhere", () => {
  const good = encodeDigestMessage({ fingerprints, wallTime: unixMillis(5_000) });
  for (let length = 0; length < good.length; length++) {
    assert.equal(decodeDigestMessage(good.subarray(0, length)), undefined, `${length} bytes`);
  }
  assert.equal(decodeDigestMessage(Uint8Array.of(...good, 0)), undefined);
  assert.equal(decodeDigestMessage(Uint8Array.of(...good, 8, 1)), undefined);
  // The tags and lengths before the fingerprints, and the tag behind them.
  for (const at of [0, 1, 2, 3, 4, 5, good.length - 3]) {
    const bad = good.slice();
    bad[at] = (bad[at] ?? 0) ^ 0x41;
    assert.equal(decodeDigestMessage(bad), undefined, `byte ${at}`);
  }
});

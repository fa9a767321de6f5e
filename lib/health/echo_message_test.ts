import assert from "node:assert/strict";
import { randomBytes, SeededRandom } from "../base/mod.ts";
import { decodeEcho, ECHO_BYTES, encodeEcho } from "./echo_message.ts";

const nonce = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);

Deno.test("decodeEcho() reads what encodeEcho() wrote", () => {
  for (const kind of ["ask", "answer"] as const) {
    assert.deepEqual(decodeEcho(encodeEcho({ kind, nonce })), { kind, nonce });
  }
  assert.throws(() => encodeEcho({ kind: "ask", nonce: new Uint8Array(7) }), RangeError);
});

Deno.test("decodeEcho() rejects every other length and every changed header byte", () => {
  const good = encodeEcho({ kind: "ask", nonce });
  for (let length = 0; length < ECHO_BYTES; length++) {
    assert.equal(decodeEcho(good.subarray(0, length)), undefined, `${length} bytes`);
  }
  assert.equal(decodeEcho(Uint8Array.of(...good, 0)), undefined);
  for (let at = 0; at < 8; at++) {
    const bad = good.slice();
    bad[at] = (bad[at] ?? 0) ^ 0x40;
    assert.equal(decodeEcho(bad), undefined, `byte ${at}`);
  }
});

Deno.test("decodeEcho() takes random bytes calmly", () => {
  const random = new SeededRandom(11);
  for (let i = 0; i < 2_000; i++) assert.equal(decodeEcho(randomBytes(random, i % 40)), undefined);
});

import assert from "node:assert/strict";
import { scryptSync } from "node:crypto";
import { PASSPHRASE_SALT_BYTES, passphraseKey } from "./passphrase.ts";

Deno.test("passphraseKey() is scrypt of 2^17 blocks, as the runtime computes it, whatever way letters are typed", async () => {
  const salt = new Uint8Array(PASSPHRASE_SALT_BYTES).fill(7);
  const cost = { N: 1 << 17, r: 8, p: 1, maxmem: 1 << 28 };
  const expected = scryptSync("caf\u00e9 cr\u00e8me brul\u00e9e", salt, 32, cost).toString("hex");
  const key = await passphraseKey("cafe\u0301 cre\u0300me brule\u0301e", salt);
  assert.equal(key.toHex(), expected);
});

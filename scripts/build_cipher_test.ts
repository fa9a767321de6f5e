// deno-lint-ignore-file no-console -- the reason of a skipped test belongs in the output
/**
 * Holds the committed ciphers equal to their source.
 * @module
 */

import assert from "node:assert/strict";
import { BASELINE_BATCH_WASM } from "../lib/crypto/batch/gen/baseline_batch_wasm.ts";
import { WIDE_CIPHER_WASM } from "../lib/crypto/batch/gen/wide_cipher_wasm.ts";
import { WIDE_BATCH_WASM } from "../lib/crypto/batch/gen/wide_batch_wasm.ts";
import { buildCipher, hasTools } from "./build_cipher.ts";

const name = "the committed ciphers are what their source compiles to";
const ignore = !await hasTools();
if (ignore) console.log(`skipped: ${name}: the compiler cannot be fetched by npx`);

Deno.test(name, { ignore }, async () => {
  const committed: Record<string, string> = { BASELINE_BATCH_WASM, WIDE_BATCH_WASM, WIDE_CIPHER_WASM };
  for (const [constant, bytes] of Object.entries(await buildCipher())) {
    assert.ok(
      bytes.toBase64() === committed[constant],
      `${constant}: run deno task cipher, and commit what it writes`,
    );
  }
});

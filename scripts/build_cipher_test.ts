// deno-lint-ignore-file no-console -- the reason of a skipped test belongs in the output
/**
 * Holds the committed ciphers equal to their source.
 * @module
 */

import assert from "node:assert/strict";
import { BASELINE_BATCH_WASM } from "../lib/crypto/batch/gen/baseline_batch_wasm.ts";
import { NATIVE_AVX2 } from "../lib/crypto/batch/gen/native_avx2.ts";
import { NATIVE_AVX512 } from "../lib/crypto/batch/gen/native_avx512.ts";
import { NATIVE_FEATURES } from "../lib/crypto/batch/gen/native_features.ts";
import { buildCipher, hasTools } from "./build_cipher.ts";
import { emitNativeCode } from "./cipher/native/mod.ts";

const name = "the committed ciphers are what their source compiles to";
const ignore = !await hasTools();
if (ignore) console.log(`skipped: ${name}: the compiler cannot be fetched by npx`);

Deno.test(name, { ignore }, async () => {
  assertCommitted({ BASELINE_BATCH_WASM }, { BASELINE_BATCH_WASM: await buildCipher() });
});

Deno.test("the committed machine code is what is emitted", () => {
  const emitted = Object.entries(emitNativeCode()).map(([constant, { code }]) => [constant, code] as const);
  assertCommitted({ NATIVE_AVX512, NATIVE_AVX2, NATIVE_FEATURES }, Object.fromEntries(emitted));
});

function assertCommitted(
  committed: Readonly<Record<string, string>>,
  built: Readonly<Record<string, Uint8Array>>,
): void {
  for (const [constant, bytes] of Object.entries(built)) {
    assert.ok(
      bytes.toBase64() === committed[constant],
      `${constant}: run deno task cipher, and commit what it writes`,
    );
  }
}

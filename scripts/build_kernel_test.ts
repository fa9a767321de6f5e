// deno-lint-ignore-file no-console -- the reason of a skipped test belongs in the output
/**
 * Holds the committed kernels equal to their source.
 * @module
 */

import assert from "node:assert/strict";
import { KERNEL_WASM } from "../lib/crypto/kernel/gen/kernel_wasm.ts";
import { WIDE_CIPHER_WASM } from "../lib/crypto/kernel/gen/wide_cipher_wasm.ts";
import { WIDE_KERNEL_WASM } from "../lib/crypto/kernel/gen/wide_kernel_wasm.ts";
import { buildKernel, hasTools } from "./build_kernel.ts";

const name = "the committed kernels are what their source compiles to";
const ignore = !await hasTools();
if (ignore) console.log(`skipped: ${name}: the compiler cannot be fetched by npx`);

Deno.test(name, { ignore }, async () => {
  const committed: Record<string, string> = { KERNEL_WASM, WIDE_KERNEL_WASM, WIDE_CIPHER_WASM };
  for (const [constant, bytes] of Object.entries(await buildKernel())) {
    assert.ok(
      bytes.toBase64() === committed[constant],
      `${constant}: run deno task kernel, and commit what it writes`,
    );
  }
});

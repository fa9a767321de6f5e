// deno-lint-ignore-file no-console -- the reason of a skipped test belongs in the output
/**
 * Holds the committed kernel equal to its source.
 * @module
 */

import assert from "node:assert/strict";
import { KERNEL_WASM } from "../lib/crypto/kernel/gen/kernel_wasm.ts";
import { buildKernel, hasCompiler } from "./build_kernel.ts";

const name = "the committed kernel is what its source compiles to";
const ignore = !await hasCompiler();
if (ignore) console.log(`skipped: ${name}: the compiler cannot be fetched by npx`);

Deno.test(name, { ignore }, async () => {
  const bytes = await buildKernel();
  assert.ok(bytes.toBase64() === KERNEL_WASM, "run deno task kernel, and commit what it writes");
});

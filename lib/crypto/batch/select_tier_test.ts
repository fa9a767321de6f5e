// deno-lint-ignore-file no-console -- the reason of a skipped test belongs in the output
/**
 * Tests of the choice between tiers, and all tests of the cipher and the AEADs again with the wide tier's flags.
 * @module
 */

import assert from "node:assert/strict";
import { canRunCipher } from "../wasm_module.ts";
import { selectCipherTier } from "./select_tier.ts";

const FLAGS = "--v8-flags=--experimental-wasm-wide-arithmetic,--experimental-wasm-revectorize";

Deno.test("selectCipherTier() takes the faster one, and no time where there is no choice", () => {
  const wide = canRunCipher("wide") ? "wide" : "baseline";
  assert.equal(selectCipherTier(clockOf({ baseline: 3, wide: 2 })), wide);
  assert.equal(selectCipherTier(clockOf({ baseline: 3, wide: 2.9 })), "baseline");
  assert.equal(selectCipherTier(clockOf({ baseline: 2, wide: 3 })), "baseline");
  const unread = () => assert.fail("the clock was read");
  if (wide === "baseline") selectCipherTier(unread);
});

/** A clock on which a run of each tier takes so many milliseconds. */
function clockOf(ms: { readonly baseline: number; readonly wide: number }): () => number {
  // It is read before all, and in each round once for the end, then before and after each run.
  const steps = [0, 0, ms.baseline, 0, ms.wide];
  let [at, reads] = [0, 0];
  return () => at += reads === 0 ? reads++ : steps[(reads++ - 1) % steps.length] ?? 0;
}

const name = "the wide tier passes all tests of cipher and AEADs";
const isHere = canRunCipher("wide");
const takesFlags = isHere || await runDeno(["eval", FLAGS, ""]);
if (!isHere && !takesFlags) console.log(`skipped: ${name}: the runtime does not know the flags`);

Deno.test(name, { ignore: isHere || !takesFlags }, async () => {
  const crypto = new URL("../", import.meta.url).pathname;
  // Machine code is the same under any flags.
  const others = ["native_cipher", "native_answers"].map((file) => `${crypto}batch/${file}_test.ts`);
  const options = ["--quiet", "--no-check", "-A", FLAGS, `--ignore=${others}`];
  assert.ok(await runDeno(["test", ...options, `${crypto}batch`, `${crypto}aead_test.ts`]));
});

async function runDeno(args: readonly string[]): Promise<boolean> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args: [...args] }).output();
  if (!success) console.log(new TextDecoder().decode(stdout), new TextDecoder().decode(stderr));
  return success;
}

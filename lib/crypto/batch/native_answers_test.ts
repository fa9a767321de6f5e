// deno-lint-ignore-file no-console -- the reason of a skipped test belongs in the output
import assert from "node:assert/strict";
import { addressOf, MachineCode } from "../../host/mod.ts";
import { loadedTiers, missingTiers } from "../testing/native_code.ts";
import { cipherMemory } from "../wasm_module.ts";
import { ANSWER_PAGES, answersNatively } from "./native_answers.ts";
import { NativeCipher, nativeCode, type NativeTier } from "./native_cipher.ts";
import { NATIVE_CONTEXT_BYTES } from "./native_layout.ts";

/** A constant of the code that is read and not run, so that a wrong one makes wrong answers alone. */
const CONSTANT_BYTES_FROM_END: Readonly<Record<NativeTier, number>> = {
  // The five that carries are multiplied by, before five other constants and two tables of 128 bytes.
  avx512: 5 * 64 + 2 * 128 + 64,
  // How bytes are rotated.
  avx2: 32,
};

function answers(tier: NativeTier, bytes: Uint8Array): boolean {
  const code = MachineCode.load(bytes, NATIVE_CONTEXT_BYTES);
  const memory = cipherMemory(ANSWER_PAGES);
  const place = { address: addressOf(memory), lengthBytes: memory.buffer.byteLength };
  const isRight = answersNatively(new NativeCipher(tier, code, place), memory);
  code.unload();
  return isRight;
}

for (const tier of ["avx512", "avx2"] as const) {
  const name = `answersNatively() takes the native ${tier} cipher as it is, and no other`;
  const reason = missingTiers.get(tier);
  if (reason !== undefined) console.log(`skipped: ${name}: ${reason}`);
  Deno.test(name, { ignore: !loadedTiers.has(tier) }, () => {
    const bytes = nativeCode(tier);
    assert.equal(answers(tier, bytes), true);
    const at = bytes.length - CONSTANT_BYTES_FROM_END[tier];
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    assert.equal(answers(tier, bytes), false);
  });
}

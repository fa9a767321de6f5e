// deno-lint-ignore-file no-console -- the reason of a skipped test belongs in the output
/**
 * Tests that no register holds anything of a key or a text when the native cipher returns: the same code, with instructions
 * behind it that write down what the registers have.
 * @module
 */

import assert from "node:assert/strict";
import {
  NATIVE_CONTEXT,
  NATIVE_CONTEXT_BYTES,
  NATIVE_ENTRY,
} from "../../../lib/crypto/batch/native_layout.ts";
import { loadedTiers, missingTiers } from "../../../lib/crypto/testing/native_code.ts";
import { MachineCode } from "../../../lib/host/mod.ts";
import type { Assembler } from "./assembler.ts";
import { at, emitTier, k, masked, r10, r11, r8, r9, rax, rbx, rcx, rdi, rdx, rsi, ymm, zmm } from "./mod.ts";

/** Where registers are written down: behind the context. */
const DUMP = NATIVE_CONTEXT_BYTES;
const VECTOR_BYTES = 64;
const TIERS = {
  avx512: { constant: "NATIVE_AVX512", vectors: 32 },
  avx2: { constant: "NATIVE_AVX2", vectors: 16 },
} as const;
const GENERAL = [rax, rcx, rdx, rsi, rdi, r8, r9, r10, r11];
/** Those that the code uses. */
const MASKS = [1, 2];

function dumpRegisters({ x }: Assembler, tier: keyof typeof TIERS): void {
  const place = (index: number) => at(rbx, DUMP + VECTOR_BYTES * index), { vectors } = TIERS[tier];
  for (const [i, register] of GENERAL.entries()) {
    x.mov(at(rbx, DUMP + VECTOR_BYTES * vectors + 8 * i), register);
  }
  for (let i = 0; i < vectors; i++) {
    if (tier === "avx512") x.vmovdqa64(place(i), zmm(i));
    else x.vmovdqa(place(i), ymm(i));
  }
  if (tier !== "avx512") return;
  // A mask shows itself by the elements that it leaves.
  const ones = place(vectors + 2);
  x.mov(rax, -1);
  x.mov(ones, rax);
  x.vpbroadcastq(zmm(0), ones);
  for (const mask of MASKS) {
    x.vmovdqu64(masked(zmm(1), k(mask), true), zmm(0));
    x.vmovdqa64(place(vectors + 2 + mask), zmm(1));
  }
  x.xor(rax, rax);
  x.mov(ones, rax);
}

for (const tier of ["avx512", "avx2"] as const) {
  const name = `native ${tier} leaves nothing in registers, nor in its context`;
  const reason = missingTiers.get(tier);
  if (reason !== undefined) console.log(`skipped: ${name}: ${reason}`);
  Deno.test(name, { ignore: !loadedTiers.has(tier) }, () => {
    const { code: bytes } = emitTier(TIERS[tier].constant, (assembler) => dumpRegisters(assembler, tier));
    const code = MachineCode.load(bytes, NATIVE_CONTEXT_BYTES + 0x1000), { context } = code;
    // Its messages are in a buffer that stays where it is for the test: memory of another loaded code.
    const memory = MachineCode.load(Uint8Array.of(0xc3), 0x2_0000);
    crypto.getRandomValues(memory.context.subarray(0x1_0000));
    const view = new DataView(context.buffer, context.byteOffset);
    const set = (word: number, value: bigint) => view.setBigUint64(word, value, true);
    for (const entry of [NATIVE_ENTRY.SEAL, NATIVE_ENTRY.OPEN]) {
      crypto.getRandomValues(context.subarray(NATIVE_CONTEXT.KEY, NATIVE_CONTEXT.KEY + 32));
      set(NATIVE_CONTEXT.MEMORY, BigInt(Deno.UnsafePointer.value(Deno.UnsafePointer.of(memory.context))));
      set(NATIVE_CONTEXT.MEMORY_BYTES, 0x2_0000n);
      set(NATIVE_CONTEXT.COUNT, 19n);
      set(NATIVE_CONTEXT.FIRST_AT, 0x1_0000n);
      set(NATIVE_CONTEXT.MESSAGE_BYTES, 333n);
      set(NATIVE_CONTEXT.LAST_BYTES, 200n);
      const table = new DataView(memory.context.buffer, memory.context.byteOffset);
      for (let i = 0; i < 19; i++) {
        table.setInt32(0x2000 + 4 * i, 0x1_0000 + 400 * i, true);
        table.setInt32(0x4000 + 4 * i, 350 - i, true);
      }
      context.fill(0xee, DUMP);
      code.call(entry);
      const dumped = context.subarray(DUMP, DUMP + VECTOR_BYTES * TIERS[tier].vectors);
      const isVector = (i: number) => i % VECTOR_BYTES < (tier === "avx512" ? 64 : 32);
      assert.ok(dumped.every((byte, i) => !isVector(i) || byte === 0), `vectors ${dumped.toHex()}`);
      const rest = context.subarray(DUMP + dumped.length, DUMP + dumped.length + 8 * GENERAL.length);
      assert.ok(rest.every((byte) => byte === 0), `general registers ${rest.toHex()}`);
      if (tier === "avx512") {
        const masks = context.subarray(DUMP + 35 * VECTOR_BYTES, DUMP + 37 * VECTOR_BYTES);
        assert.ok(masks.every((byte) => byte === 0), `masks ${masks.toHex()}`);
      }
      assert.ok(context.subarray(NATIVE_CONTEXT.KEY, NATIVE_CONTEXT.KEY + 32).every((byte) => byte === 0));
      assert.ok(context.subarray(NATIVE_CONTEXT.SCRATCH, NATIVE_CONTEXT_BYTES).every((byte) => byte === 0));
    }
    memory.unload();
    code.unload();
  });
}

/**
 * The native cipher: machine code for x86-64, written here in TypeScript and emitted when weft is built. What it makes is
 * committed in `lib/crypto/batch/gen` and runs wherever it stands.
 *
 *     instruction_table   what the manual says     encode, assembler   bytes, labels, weaving
 *     context, driver     groups, columns, tails   avx512, avx2        what all lanes do side by side
 *
 * @module
 */

import { NATIVE_ENTRY } from "../../../lib/crypto/batch/native_layout.ts";
import { type AssembledCode, Assembler } from "./assembler.ts";
import { LANES_AVX2, LanesAvx2 } from "./avx2/mod.ts";
import { LANES_AVX512, LanesAvx512 } from "./avx512/mod.ts";
import { Context, type ContextRange } from "./context.ts";
import { Driver } from "./driver.ts";
import type { Lanes } from "./lanes.ts";
import { writeProcessorFeatures } from "./processor_features.ts";

export { Assembler, type PlacedInstruction } from "./assembler.ts";
export { FORMS, type InstructionForm, type OperandPattern } from "./instruction_form.ts";
export type { Mnemonic } from "./instruction_table.ts";
export * from "./operands.ts";

/** Machine code, what it was made of, and what of its context holds no secret. */
export interface EmittedCode extends AssembledCode {
  readonly publicRanges: readonly ContextRange[];
}

/** What is emitted, by the name of the constant that holds it. */
export type NativeCode = Readonly<Record<TierConstant | "NATIVE_FEATURES", EmittedCode>>;

/** The names of the constants of those that seal and open. */
export type TierConstant = "NATIVE_AVX512" | "NATIVE_AVX2";

type LanesOfTier = new (assembler: Assembler, context: Context) => Lanes;
const TIERS: Readonly<Record<TierConstant, { readonly lanes: number; readonly Lanes: LanesOfTier }>> = {
  NATIVE_AVX512: { lanes: LANES_AVX512, Lanes: LanesAvx512 },
  NATIVE_AVX2: { lanes: LANES_AVX2, Lanes: LanesAvx2 },
};

/** @returns all machine code of the native cipher; the same every time */
export function emitNativeCode(): NativeCode {
  const features = new Assembler();
  features.x.endbr64();
  writeProcessorFeatures(features);
  return {
    NATIVE_AVX512: emitTier("NATIVE_AVX512"),
    NATIVE_AVX2: emitTier("NATIVE_AVX2"),
    NATIVE_FEATURES: { ...features.finish(), publicRanges: [] },
  };
}

/**
 * @param beforeReturn adds instructions behind everything else, for tests; rbx points to the context
 * @returns the machine code of a tier
 */
export function emitTier(
  tier: TierConstant,
  beforeReturn?: (assembler: Assembler) => void,
): EmittedCode {
  const { lanes: count, Lanes } = TIERS[tier];
  const assembler = new Assembler(), context = new Context(count);
  const lanes = new Lanes(assembler, context);
  for (const direction of ["seal", "open"] as const) {
    assembler.align(NATIVE_ENTRY.OPEN);
    // What is called by its address begins so, where the host checks that (Intel CET §3.1).
    assembler.x.endbr64();
    assembler.x.jmp(direction);
  }
  for (const direction of ["seal", "open"] as const) {
    const hook = beforeReturn && (() => beforeReturn(assembler));
    new Driver(assembler, { context, lanes, direction, beforeReturn: hook }).write();
  }
  lanes.writeConstants();
  return { ...assembler.finish(), publicRanges: context.publicRanges };
}

/**
 * The native ciphers that this machine runs, each with its name for tests.
 * @module
 */

import type { BatchCipher } from "../../../crypto/mod.ts";
import { loadedTiers, nativeBatchCipher } from "../../../crypto/testing/native_code.ts";
import { HARNESS_PAGES } from "./engine_harness.ts";

/** A name, and what makes the cipher over the memory of a harness. */
export const nativeCiphers: readonly (readonly [string, () => BatchCipher])[] = [...loadedTiers.keys()].map(
  (tier) => [`the native ${tier} cipher`, () => nativeBatchCipher(tier, HARNESS_PAGES)],
);

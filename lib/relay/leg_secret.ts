/**
 * What one member and a relay share about one leg.
 * @module
 */

import { randomBytes, type RandomSource } from "../base/mod.ts";
import { KEY_BYTES, Secret } from "../crypto/mod.ts";
import { PATH_ID_BYTES } from "../net/mod.ts";

/** Length of a leg's id in bytes. */
export const LEG_ID_BYTES: number = PATH_ID_BYTES;

/** What binds of one leg are made under. */
export class LegSecret extends Secret {
  private constructor(bytes: Uint8Array) {
    super(bytes);
  }

  /**
   * @param bytes 32 of them, which are copied
   * @throws RangeError when the length is wrong
   */
  static fromBytes(bytes: Uint8Array): LegSecret {
    return new LegSecret(bytes);
  }

  /** Draws a new one. */
  static generate(random: RandomSource): LegSecret {
    return new LegSecret(randomBytes(random, KEY_BYTES));
  }
}

/** Which leg, and what proves that one may use it. */
export interface LegKey {
  /** `LEG_ID_BYTES` random bytes; it stands in every bind, so it is no secret. */
  readonly id: Uint8Array;
  readonly secret: LegSecret;
}

/** @returns a fresh key of a leg */
export function drawLegKey(random: RandomSource): LegKey {
  return { id: randomBytes(random, LEG_ID_BYTES), secret: LegSecret.generate(random) };
}

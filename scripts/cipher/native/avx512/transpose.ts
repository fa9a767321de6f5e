/**
 * Transposition of vectors of 512 bits by parts of 128.
 * @module
 */

import type { Mnemonics } from "../assembler.ts";
import type { Register } from "../operands.ts";

/** Which parts `vshufi64x2` takes: 0 and 2 of each operand, or 1 and 3. */
const [EVEN, ODD] = [0b10_00_10_00, 0b11_01_11_01];

/**
 * Part j of vector i becomes part i of vector j.
 * @param vectors four of them, in place
 * @param temporary four others
 */
export function transposeParts(
  x: Mnemonics,
  vectors: readonly Register[],
  temporary: readonly Register[],
): void {
  const [v0, v1, v2, v3] = vectors, [t0, t1, t2, t3] = temporary;
  if (v0 === undefined || v1 === undefined || v2 === undefined || v3 === undefined) {
    throw new TypeError("four vectors");
  }
  if (t0 === undefined || t1 === undefined || t2 === undefined || t3 === undefined) {
    throw new TypeError("four others");
  }
  x.vshufi64x2(t0, v0, v1, EVEN);
  x.vshufi64x2(t1, v0, v1, ODD);
  x.vshufi64x2(t2, v2, v3, EVEN);
  x.vshufi64x2(t3, v2, v3, ODD);
  x.vshufi64x2(v0, t0, t2, EVEN);
  x.vshufi64x2(v1, t1, t3, EVEN);
  x.vshufi64x2(v2, t0, t2, ODD);
  x.vshufi64x2(v3, t1, t3, ODD);
}

/**
 * Transposition of eight vectors of eight words of 32 bits.
 * @module
 */

import type { Mnemonics } from "../assembler.ts";
import { type Register, ymm } from "../operands.ts";

/** Which halves `vperm2i128` takes: the lower ones of both operands, or the upper ones. */
const [LOWER, UPPER] = [0x20, 0x31];

/**
 * Word j of vector i becomes word i of vector j. The vectors are in ymm0 to ymm7; all registers are changed.
 * @returns the registers of the result, in order
 */
export function transposeWords(x: Mnemonics): Register[] {
  for (const group of [0, 4]) {
    const [w0, w1, w2, w3] = [0, 1, 2, 3].map((i) => ymm(group + i)) as [
      Register,
      Register,
      Register,
      Register,
    ];
    const [t0, t1] = [ymm(8 + group), ymm(9 + group)];
    x.vpunpckldq(t0, w0, w1);
    x.vpunpckhdq(t1, w0, w1);
    x.vpunpckldq(w0, w2, w3);
    x.vpunpckhdq(w1, w2, w3);
    // Four words of packets 0 and 4, 1 and 5, 2 and 6, 3 and 7.
    x.vpunpcklqdq(ymm(10 + group), t0, w0);
    x.vpunpckhqdq(ymm(11 + group), t0, w0);
    x.vpunpcklqdq(w2, t1, w1);
    x.vpunpckhqdq(w3, t1, w1);
  }
  const ofGroup = (pair: number, group: number) => ymm(group + (pair < 2 ? 10 + pair : pair));
  const free = [0, 1, 4, 5].map(ymm);
  const [lower, upper]: [Register[], Register[]] = [[], []];
  for (const [pair, target] of free.entries()) {
    const [first, second] = [ofGroup(pair, 0), ofGroup(pair, 4)];
    x.vperm2i128(target, first, second, LOWER);
    x.vperm2i128(first, first, second, UPPER);
    lower.push(target);
    upper.push(first);
  }
  return [...lower, ...upper];
}

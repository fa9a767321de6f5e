/**
 * ChaCha20 for eight packets: a word of the state is a register, a lane each (RFC 8439 §2.3). Sixteen registers hold
 * fourteen words and two temporaries, so of words 8 to 11 two at a time are in memory.
 *
 *     ymm0-3 words 0-3    ymm4-7 words 4-7    ymm8-9 two of words 8-11    ymm10-13 words 12-15    ymm14-15 temporary
 *
 * @module
 */

import { NATIVE_CONTEXT } from "../../../../lib/crypto/batch/native_layout.ts";
import type { Assembler, Mnemonics } from "../assembler.ts";
import {
  BLOCK_WORD,
  COLUMN_ROUND,
  DIAGONAL_ROUND,
  DOUBLE_ROUNDS,
  KEY_WORD,
  NONCE_WORD,
  type Quarter,
  STATE_CONSTANTS,
} from "../chacha20.ts";
import type { Context } from "../context.ts";
import { at, atLabel, low32, type Memory, r8, r9, rax, rbx, rcx, type Register, ymm } from "../operands.ts";
import { transposeWords } from "./transpose.ts";

const LANES = 8;
const VECTOR_BYTES = 32;
const ONE_IN_EACH_LANE = "avx2.one-in-each-lane";
const ROTATE_16 = "avx2.rotate-16";
const ROTATE_8 = "avx2.rotate-8";
/** Where words 12 to 15 are, those of 8 to 11 that are not in memory, and temporaries. */
const [FIRST_OF_12, FIRST_OF_8, TEMPORARY] = [10, 8, 14] as const;
const POINTERS = [rax, rcx, r8, r9] as const;

/** Writes the parts that encrypt. */
export class ChaCha20x8 {
  readonly #assembler: Assembler;
  readonly #x: Mnemonics;
  readonly #context: Context;
  /** Words 8 to 11, two of which are in registers. */
  readonly #spilled: number;
  /** Words 8 to 15 of key stream. */
  readonly #upper: number;

  constructor(assembler: Assembler, context: Context) {
    this.#assembler = assembler;
    this.#x = assembler.x;
    this.#context = context;
    this.#spilled = context.takeAligned(4 * VECTOR_BYTES);
    this.#upper = context.takeAligned(8 * VECTOR_BYTES);
  }

  /** See `Lanes`. */
  writeConstants(): void {
    const lanes = (word: readonly number[]) => Array.from({ length: LANES }, () => word).flat();
    // `vpshufb` counts bytes within 16 of them, which are four words.
    const shuffle = (by: number) => Array.from({ length: VECTOR_BYTES }, (_, i) => (i & 12) | ((i + by) & 3));
    this.#assembler.data(ONE_IN_EACH_LANE, lanes([1, 0, 0, 0]));
    this.#assembler.data(ROTATE_16, shuffle(2));
    this.#assembler.data(ROTATE_8, shuffle(3));
  }

  /** Every lane gets the constants, the key, and the first word of the nonce; the counter is the lane's own. */
  loadKey(): void {
    const x = this.#x, word = at(rbx, this.#context.spreadWord);
    for (const [i, constant] of STATE_CONSTANTS.entries()) {
      x.mov(rax, constant);
      x.mov(word, low32(rax));
      x.vpbroadcastd(ymm(0), word);
      x.vmovdqa(this.#state(i), ymm(0));
    }
    for (let i = 0; i < 8; i++) {
      x.vpbroadcastd(ymm(0), at(rbx, NATIVE_CONTEXT.KEY + 4 * i));
      x.vmovdqa(this.#state(KEY_WORD + i), ymm(0));
    }
    x.vpbroadcastd(ymm(0), at(rbx, NATIVE_CONTEXT.NONCE_PREFIX));
    x.vmovdqa(this.#state(NONCE_WORD), ymm(0));
  }

  /** The next block is number `block`, 0 or 1. */
  setBlock(block: 0 | 1): void {
    const x = this.#x;
    if (block === 0) x.vpxor(ymm(0), ymm(0), ymm(0));
    else x.vmovdqa(ymm(0), atLabel(ONE_IN_EACH_LANE));
    x.vmovdqa(this.#state(BLOCK_WORD), ymm(0));
  }

  /** All rounds on a copy of the state; words 10 and 11 end in registers, 8 and 9 in memory. */
  rounds(): void {
    const x = this.#x;
    for (let i = 0; i < 8; i++) x.vmovdqa(ymm(i), this.#state(i));
    for (let i = 0; i < 2; i++) x.vmovdqa(ymm(FIRST_OF_8 + i), this.#state(8 + i));
    for (let i = 0; i < 4; i++) x.vmovdqa(ymm(FIRST_OF_12 + i), this.#state(12 + i));
    for (let i = 0; i < DOUBLE_ROUNDS; i++) {
      // A column round goes from words 8 and 9 to 10 and 11, a diagonal one begins with 10 and 11 and ends with 8 and 9.
      const [c0, c1, c2, c3] = COLUMN_ROUND as [Quarter, Quarter, Quarter, Quarter];
      const [d0, d1, d2, d3] = DIAGONAL_ROUND as [Quarter, Quarter, Quarter, Quarter];
      this.#quarterRounds([c0, c1]);
      this.#swap(8, i === 0 ? (word) => this.#state(word) : (word) => this.#spill(word));
      this.#quarterRounds([c2, c3]);
      this.#quarterRounds([d0, d1]);
      this.#swap(10, (word) => this.#spill(word));
      this.#quarterRounds([d2, d3]);
    }
  }

  /** Adds the state: words 0 to 7 of key stream stay in ymm0 to ymm7, the others are kept. */
  addState(): void {
    const x = this.#x;
    for (let i = 0; i < 8; i++) x.vpaddd(ymm(i), ymm(i), this.#state(i));
    for (let i = 0; i < 8; i++) {
      const word = 8 + i;
      const register = word < 10
        ? ymm(FIRST_OF_8 + i)
        : word < 12
        ? ymm(TEMPORARY)
        : ymm(FIRST_OF_12 + word - 12);
      if (word === 10 || word === 11) x.vmovdqa(register, this.#spill(word));
      x.vpaddd(register, register, this.#state(word));
      x.vmovdqa(this.#upperWord(word), register);
    }
  }

  /** Puts words 0 to 7 of key stream, which are in ymm0 to ymm7, by packets. @returns the register of each packet */
  transposeLower(): Register[] {
    return transposeWords(this.#x);
  }

  /** The key stream goes over the rows, 32 bytes of each packet at a time; counts the block. */
  encryptRows(): void {
    const x = this.#x;
    this.addState();
    for (const half of [0, VECTOR_BYTES]) {
      if (half !== 0) { for (let i = 0; i < 8; i++) x.vmovdqa(ymm(i), this.#upperWord(8 + i)); }
      for (const [lane, stream] of transposeWords(x).entries()) {
        const pointer = POINTERS[lane % POINTERS.length] ?? rax;
        x.mov(pointer, at(rbx, this.#context.row + 8 * lane));
        x.vpxor(stream, stream, at(pointer, half));
        x.vmovdqu(at(pointer, half), stream);
      }
    }
    x.vmovdqa(ymm(0), this.#state(BLOCK_WORD));
    x.vpaddd(ymm(0), ymm(0), atLabel(ONE_IN_EACH_LANE));
    x.vmovdqa(this.#state(BLOCK_WORD), ymm(0));
  }

  /** Puts two of words 8 to 11 to memory, and the two others, from wherever they are, to their registers. */
  #swap(word: 8 | 10, from: (word: number) => Memory): void {
    const other = word === 8 ? 10 : 8;
    for (const i of [0, 1]) this.#x.vmovdqa(this.#spill(word + i), ymm(FIRST_OF_8 + i));
    for (const i of [0, 1]) this.#x.vmovdqa(ymm(FIRST_OF_8 + i), from(other + i));
  }

  /** Steps of two quarter rounds side by side (RFC 8439 §2.1). */
  #quarterRounds(quarters: readonly [Quarter, Quarter]): void {
    const x = this.#x;
    const registers = quarters.map(([a, b, c, d], i) => ({
      a: ymm(a),
      b: ymm(b),
      c: ymm(FIRST_OF_8 + (c & 1)),
      d: ymm(FIRST_OF_12 + d - 12),
      t: ymm(TEMPORARY + i),
    }));
    const half = (rotateD: string, rotateB: number) => {
      for (const { a, b } of registers) x.vpaddd(a, a, b);
      for (const { a, d } of registers) x.vpxor(d, d, a);
      for (const { d } of registers) x.vpshufb(d, d, atLabel(rotateD));
      for (const { c, d } of registers) x.vpaddd(c, c, d);
      for (const { b, c } of registers) x.vpxor(b, b, c);
      for (const { b, t } of registers) x.vpslld(t, b, rotateB);
      for (const { b } of registers) x.vpsrld(b, b, 32 - rotateB);
      for (const { b, t } of registers) x.vpor(b, b, t);
    };
    half(ROTATE_16, 12);
    half(ROTATE_8, 7);
  }

  #state(word: number): Memory {
    return at(rbx, this.#context.state + VECTOR_BYTES * word);
  }

  #spill(word: number): Memory {
    return at(rbx, this.#spilled + VECTOR_BYTES * (word - 8));
  }

  #upperWord(word: number): Memory {
    return at(rbx, this.#upper + VECTOR_BYTES * (word - 8));
  }
}

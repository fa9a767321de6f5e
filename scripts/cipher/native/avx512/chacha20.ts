/**
 * ChaCha20 for sixteen packets: word i of the state is register zmm i, a lane each (RFC 8439 §2.3).
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
import {
  at,
  atLabel,
  low32,
  type Memory,
  r10,
  r11,
  r8,
  r9,
  rax,
  rbx,
  rdx,
  type Register,
  rsi,
  zmm,
} from "../operands.ts";
import { transposeParts } from "./transpose.ts";

const LANES = 16;
const VECTOR_BYTES = 64;
const WORDS = 16;
const ONE_IN_EACH_LANE = "avx512.one-in-each-lane";
/** What `encryptRows` has for itself, since the state of the next column is in the lower half. */
const TEMPORARY = [24, 25, 26, 27].map(zmm) as [Register, Register, Register, Register];
const POINTERS = [r8, r9, r10, r11, rdx, rsi] as const;

/** Writes the parts that encrypt. */
export class ChaCha20x16 {
  readonly #assembler: Assembler;
  readonly #x: Mnemonics;
  readonly #context: Context;
  /** Key stream of a column, by words. */
  readonly #stream: number;

  constructor(assembler: Assembler, context: Context) {
    this.#assembler = assembler;
    this.#x = assembler.x;
    this.#context = context;
    this.#stream = context.takeAligned(WORDS * VECTOR_BYTES);
  }

  /** See `Lanes`. */
  writeConstants(): void {
    this.#assembler.data(ONE_IN_EACH_LANE, Array.from({ length: LANES }, () => [1, 0, 0, 0]).flat());
  }

  /** Every lane gets the constants, the key, and the first word of the nonce; the counter is the lane's own. */
  loadKey(): void {
    const x = this.#x, word = at(rbx, this.#context.spreadWord);
    for (const [i, constant] of STATE_CONSTANTS.entries()) {
      x.mov(rax, constant);
      x.mov(word, low32(rax));
      x.vpbroadcastd(zmm(0), word);
      x.vmovdqa64(this.#state(i), zmm(0));
    }
    for (let i = 0; i < 8; i++) {
      x.vpbroadcastd(zmm(0), at(rbx, NATIVE_CONTEXT.KEY + 4 * i));
      x.vmovdqa64(this.#state(KEY_WORD + i), zmm(0));
    }
    x.vpbroadcastd(zmm(0), at(rbx, NATIVE_CONTEXT.NONCE_PREFIX));
    x.vmovdqa64(this.#state(NONCE_WORD), zmm(0));
  }

  /** The next block is number `block`, 0 or 1. */
  setBlock(block: 0 | 1): void {
    const x = this.#x;
    if (block === 0) x.vpxord(zmm(0), zmm(0), zmm(0));
    else x.vmovdqa64(zmm(0), atLabel(ONE_IN_EACH_LANE));
    x.vmovdqa64(this.#state(BLOCK_WORD), zmm(0));
  }

  /** All rounds on a copy of the state, in zmm0 to zmm15. */
  rounds(): void {
    for (let i = 0; i < WORDS; i++) this.#x.vmovdqa64(zmm(i), this.#state(i));
    for (let i = 0; i < DOUBLE_ROUNDS; i++) {
      this.#quarterRounds(COLUMN_ROUND);
      this.#quarterRounds(DIAGONAL_ROUND);
    }
  }

  /** Adds the state to its first `words` words: they are key stream then. */
  addState(words: number): void {
    for (let i = 0; i < words; i++) this.#x.vpaddd(zmm(i), zmm(i), this.#state(i));
  }

  /** Keeps the key stream for `encryptRows`, and counts the block. */
  endBlock(): void {
    const x = this.#x, block = this.#state(BLOCK_WORD);
    this.addState(WORDS);
    for (let i = 0; i < WORDS; i++) x.vmovdqa64(this.#streamWord(i), zmm(i));
    x.vmovdqa64(zmm(0), block);
    x.vpaddd(zmm(0), zmm(0), atLabel(ONE_IN_EACH_LANE));
    x.vmovdqa64(block, zmm(0));
  }

  /**
   * The kept key stream, which is by words, becomes one by packets, and goes over the former rows; eight packets at a
   * time, in zmm16 to zmm27.
   *
   *     words 4g .. 4g+3     --unpack-->   16 bytes of packets 0, 4, 8, 12; of 1, 5, 9, 13; ...   for each g
   *     four of those        --transpose-> 64 bytes of one packet
   */
  encryptRows(): void {
    const x = this.#x, [t0, t1] = TEMPORARY;
    for (const half of [0, 2]) {
      const unpack = half === 0 ? x.vpunpckldq : x.vpunpckhdq;
      for (let g = 0; g < 4; g++) {
        x.vmovdqa64(t0, this.#streamWord(4 * g));
        x.vmovdqa64(t1, this.#streamWord(4 * g + 2));
        unpack(t0, t0, this.#streamWord(4 * g + 1));
        unpack(t1, t1, this.#streamWord(4 * g + 3));
        x.vpunpcklqdq(zmm(16 + g), t0, t1);
        x.vpunpckhqdq(zmm(20 + g), t0, t1);
      }
      for (const packet of [half, half + 1]) {
        const rows = [0, 1, 2, 3].map((i) => zmm((packet === half ? 16 : 20) + i));
        transposeParts(x, rows, TEMPORARY);
        for (const [i, row] of rows.entries()) {
          const lane = 4 * i + packet, pointer = POINTERS[lane % POINTERS.length] ?? rax;
          x.mov(pointer, at(rbx, this.#context.formerRow + 8 * lane));
          x.vpxord(row, row, at(pointer));
          x.vmovdqu64(at(pointer), row);
        }
      }
    }
  }

  /** Steps of four quarter rounds side by side, so that none waits for the one before (RFC 8439 §2.1). */
  #quarterRounds(quarters: readonly Quarter[]): void {
    const x = this.#x;
    const addXorRotate = (to: number, from: number, mixed: number, bits: number) => {
      for (const q of quarters) x.vpaddd(zmm(q[to] ?? 0), zmm(q[to] ?? 0), zmm(q[from] ?? 0));
      for (const q of quarters) x.vpxord(zmm(q[mixed] ?? 0), zmm(q[mixed] ?? 0), zmm(q[to] ?? 0));
      for (const q of quarters) x.vprold(zmm(q[mixed] ?? 0), zmm(q[mixed] ?? 0), bits);
    };
    const [a, b, c, d] = [0, 1, 2, 3];
    addXorRotate(a, b, d, 16);
    addXorRotate(c, d, b, 12);
    addXorRotate(a, b, d, 8);
    addXorRotate(c, d, b, 7);
  }

  #state(word: number): Memory {
    return at(rbx, this.#context.state + VECTOR_BYTES * word);
  }

  #streamWord(word: number): Memory {
    return at(rbx, this.#stream + VECTOR_BYTES * word);
  }
}

/**
 * Poly1305 for sixteen packets, eight a vector, by the multiplier of 52 bits (RFC 8439 §2.5). Numbers are three limbs of
 * 44, 44 and 42 bits, a word of 64 each; `bounds_test.ts` shows that no factor reaches 2^52.
 *
 *     h = h0 + 2^44 h1 + 2^88 h2        a product a × b of limbs = low 52 bits + 2^52 (high bits)
 *
 * @module
 */

import type { Assembler, Mnemonics } from "../assembler.ts";
import type { Context } from "../context.ts";
import {
  at,
  atLabel,
  k,
  masked,
  type Memory,
  r10,
  r11,
  r8,
  r9,
  rax,
  rbx,
  rcx,
  rdi,
  rdx,
  type Register,
  rsi,
  zmm,
} from "../operands.ts";
import { transposeParts } from "./transpose.ts";

/** Unpacking puts these packets side by side in the key stream; each row is a vector of sums, a "stream" below. */
const STREAMS = [[0, 1, 4, 5, 8, 9, 12, 13], [2, 3, 6, 7, 10, 11, 14, 15]] as const;
const LANES = 16;
const VECTOR_BYTES = 64;
/** A block of all packets: low and high words of both streams. */
const BLOCK_BYTES = 4 * VECTOR_BYTES;
/** A tail has four blocks at most, and one of lengths comes behind. */
const TAIL_BLOCKS = 5;
/** Sums of both streams. */
const SUMS = [[16, 17, 18], [19, 20, 21]].map((each) => each.map(zmm)) as [Limbs, Limbs];
type Limbs = [Register, Register, Register];
/** Which packets of a stream take part. */
const MASKS = [k(1), k(2)] as const;
const POINTERS = [r8, r9, r10, r11] as const;
/** How `vpcmpuq` compares. */
const [LESS, NOT_LESS, GREATER] = [1, 5, 6];

/** Words of constants, all lanes alike, by their labels. */
const CONSTANTS = {
  "avx512.low-44": 2n ** 44n - 1n,
  "avx512.low-42": 2n ** 42n - 1n,
  "avx512.one": 1n,
  "avx512.five": 5n,
  "avx512.2^8": 2n ** 8n,
  "avx512.2^10": 2n ** 10n,
  "avx512.2^42": 2n ** 42n,
  "avx512.clamp-low": 0x0fff_fffc_0fff_ffffn,
  "avx512.clamp-high": 0x0fff_fffc_0fff_fffcn,
} as const;
const LANE_BITS = "avx512.lane-bits";
const LANE_PLACES = "avx512.lane-places";

/** Writes the parts that authenticate. */
export class Poly1305x16 {
  readonly #assembler: Assembler;
  readonly #x: Mnemonics;
  readonly #r: number;
  readonly #sums: number;
  readonly #pad: number;
  readonly #blocks: number;
  readonly #tailBlocks: number;
  readonly #tailCounts: number;
  readonly #tags: number;
  readonly #spreadWord: number;

  constructor(assembler: Assembler, context: Context) {
    this.#spreadWord = context.spreadWord;
    this.#assembler = assembler;
    this.#x = assembler.x;
    // For each stream: r0, r1, r2, 20 r1, 20 r2; sums; the half of the one-time key that is added at the end.
    this.#r = context.takeAligned(2 * 5 * VECTOR_BYTES);
    this.#sums = context.takeAligned(2 * 3 * VECTOR_BYTES);
    this.#pad = context.takeAligned(2 * 2 * VECTOR_BYTES);
    this.#blocks = context.takeAligned(4 * BLOCK_BYTES);
    this.#tailBlocks = context.takeAligned(TAIL_BLOCKS * BLOCK_BYTES);
    // How many blocks there are of each packet, as words of the shape of tags.
    this.#tailCounts = context.takePublic(BLOCK_BYTES, 64);
    this.#tags = context.takeAligned(BLOCK_BYTES);
  }

  /** See `Lanes`. */
  writeConstants(): void {
    const words = (values: readonly bigint[]) => values.flatMap(littleEndian);
    for (const [label, value] of Object.entries(CONSTANTS)) {
      this.#assembler.data(label, words(new Array<bigint>(8).fill(value)));
    }
    const places = Array.from({ length: LANES }, (_, lane) => {
      const stream = STREAMS[0].includes(lane as never) ? 0 : 1;
      return { stream, i: STREAMS[stream].indexOf(lane as never) };
    });
    this.#assembler.data(LANE_BITS, words(places.map(({ stream, i }) => 1n << BigInt(8 * stream + i))));
    this.#assembler.data(
      LANE_PLACES,
      words(places.map(({ stream, i }) => BigInt(2 * VECTOR_BYTES * stream + 8 * i))),
    );
  }

  /** Takes the one-time keys from words 0 to 7 of key stream, in zmm0 to zmm7 (RFC 8439 §2.6). */
  begin(): void {
    const x = this.#x,
      [low, high, r1, r2, product] = [16, 17, 18, 19, 20].map(zmm) as [
        Register,
        Register,
        Register,
        Register,
        Register,
      ];
    for (const stream of [0, 1] as const) {
      const unpack = stream === 0 ? x.vpunpckldq : x.vpunpckhdq;
      unpack(low, zmm(0), zmm(1));
      unpack(high, zmm(2), zmm(3));
      x.vpandq(low, low, constant("avx512.clamp-low"));
      x.vpandq(high, high, constant("avx512.clamp-high"));
      x.vpshrdq(r1, low, high, 44);
      x.vpandq(r1, r1, constant("avx512.low-44"));
      x.vpandq(low, low, constant("avx512.low-44"));
      x.vpsrlq(r2, high, 24);
      for (const [i, limb] of [low, r1, r2].entries()) x.vmovdqa64(this.#factor(stream, i), limb);
      // What is above 2^130 comes back times 5, and limbs 1 and 2 make 2^132: four times as much.
      for (const [i, limb] of [r1, r2].entries()) {
        x.vpsllq(product, limb, 4);
        x.vpsllq(limb, limb, 2);
        x.vpaddq(product, product, limb);
        x.vmovdqa64(this.#factor(stream, 3 + i), product);
      }
      unpack(low, zmm(4), zmm(5));
      unpack(high, zmm(6), zmm(7));
      x.vmovdqa64(vector(this.#pad, 2 * stream), low);
      x.vmovdqa64(vector(this.#pad, 2 * stream + 1), high);
    }
    x.vpxord(low, low, low);
    for (let i = 0; i < 6; i++) x.vmovdqa64(vector(this.#sums, i), low);
    for (let i = 0; i < 4; i++) x.vmovdqa64(vector(this.#tailCounts, i), low);
  }

  /** Adds the bit of lane rcx to `bits`; changes rdi. */
  addLaneBit(bits: Register): void {
    this.#x.lea(rdi, atLabel(LANE_BITS));
    this.#x.or(bits, at(rdi, 0, rcx, 8));
  }

  /**
   * Takes a column of those lanes whose bits are in the word at `active`; in zmm16 to zmm31.
   * @param rows where the addresses of the rows are
   */
  absorbRows(rows: number, active: Memory): void {
    const x = this.#x;
    x.mov(rax, active);
    x.kmovq(MASKS[0], rax);
    x.shr(rax, 8);
    x.kmovq(MASKS[1], rax);
    this.#splitRows(rows, 0);
    this.#splitRows(rows, 1);
    this.#loadSums();
    for (let block = 0; block < 4; block++) {
      for (const stream of [0, 1] as const) {
        const words = this.#blocks + BLOCK_BYTES * block + 2 * VECTOR_BYTES * stream;
        this.#absorb(stream, at(rbx, words), at(rbx, words + VECTOR_BYTES), MASKS[stream]);
      }
    }
    for (const [i, limb] of SUMS.flat().entries()) x.vmovdqa64(vector(this.#sums, i), limb);
  }

  /** Keeps the blocks of a tail of rdx bytes at rsi, and that of lengths, of a text of `textBytes`, for lane rcx. */
  keepTail(textBytes: Memory): void {
    const x = this.#x, a = this.#assembler, [block, lengths] = [a.newLabel("tail"), a.newLabel("lengths")];
    x.lea(rdi, atLabel(LANE_PLACES));
    x.mov(rdi, at(rdi, 0, rcx, 8));
    x.lea(r9, at(rbx, this.#tailBlocks, rdi));
    x.lea(r10, at(rdx, 15));
    x.shr(r10, 4);
    x.lea(rax, at(r10, 1));
    x.mov(at(rbx, this.#tailCounts, rdi), rax);
    a.label(block);
    x.test(r10, r10);
    x.je(lengths);
    x.mov(rax, at(rsi));
    x.mov(rdx, at(rsi, 8));
    x.mov(at(r9), rax);
    x.mov(at(r9, VECTOR_BYTES), rdx);
    x.add(rsi, 16);
    x.add(r9, BLOCK_BYTES);
    x.sub(r10, 1);
    x.jmp(block);
    a.label(lengths);
    // There is no associated data (RFC 8439 §2.8).
    x.mov(rax, textBytes);
    x.mov(at(r9), r10);
    x.mov(at(r9, VECTOR_BYTES), rax);
  }

  /** Takes all tails, and computes all tags. */
  finish(): void {
    const x = this.#x, block = this.#assembler.newLabel("tails");
    this.#loadSums();
    x.lea(rsi, at(rbx, this.#tailBlocks));
    x.xor(rdx, rdx);
    this.#assembler.label(block);
    x.mov(at(rbx, this.#spreadWord), rdx);
    x.vpbroadcastq(zmm(0), at(rbx, this.#spreadWord));
    for (const stream of [0, 1] as const) {
      x.vmovdqa64(zmm(1), vector(this.#tailCounts, 2 * stream));
      x.vpcmpuq(MASKS[stream], zmm(1), zmm(0), GREATER);
      const words = 2 * VECTOR_BYTES * stream;
      this.#absorb(stream, at(rsi, words), at(rsi, words + VECTOR_BYTES), MASKS[stream]);
    }
    x.add(rsi, BLOCK_BYTES);
    x.add(rdx, 1);
    x.cmp(rdx, TAIL_BLOCKS);
    x.jb(block);
    for (const stream of [0, 1] as const) this.#complete(stream);
  }

  /** Loads the tag of lane rcx to rax and rdx; changes rdi. */
  loadTag(): void {
    this.#x.lea(rdi, atLabel(LANE_PLACES));
    this.#x.mov(rdi, at(rdi, 0, rcx, 8));
    this.#x.mov(rax, at(rbx, this.#tags, rdi));
    this.#x.mov(rdx, at(rbx, this.#tags + VECTOR_BYTES, rdi));
  }

  /** Clears the masks: one of them said which sums were above p. */
  wipeMasks(): void {
    for (const mask of MASKS) this.#x.kxorq(mask, mask, mask);
  }

  /**
   * h = (h + block + 2^128) × r modulo 2^130 - 5, in a stream, where the mask has ones.
   *
   * With r as limbs and what is above 2^130 folded in: d0 = h0 r0 + h1 20 r2 + h2 20 r1, d1 = h0 r1 + h1 r0 + h2 20 r2,
   * d2 = h0 r2 + h1 r1 + h2 r0.
   */
  #absorb(stream: 0 | 1, low: Memory, high: Memory, mask: Register): void {
    const x = this.#x, [h0, h1, h2] = SUMS[stream];
    const [x0, x1, x2, low0, low1, low2, high0, high1, high2, carry] = [
      22,
      23,
      24,
      25,
      26,
      27,
      28,
      29,
      30,
      31,
    ].map(
      zmm,
    ) as [Register, Register, Register, Register, Register, Register, Register, Register, Register, Register];
    x.vmovdqa64(x0, low);
    x.vpshrdq(x1, x0, high, 44);
    x.vmovdqa64(x2, high);
    // The one that is shifted in is the bit above the block.
    x.vpshrdq(x2, x2, constant("avx512.one"), 24);
    x.vpandq(x0, x0, constant("avx512.low-44"));
    x.vpandq(x1, x1, constant("avx512.low-44"));
    x.vpaddq(x0, x0, h0);
    x.vpaddq(x1, x1, h1);
    x.vpaddq(x2, x2, h2);
    for (const sum of [low0, low1, low2, high0, high1, high2]) x.vpxord(sum, sum, sum);
    for (const [limb, factors] of [[x2, [3, 4, 0]], [x1, [4, 0, 1]], [x0, [0, 1, 2]]] as const) {
      const by = (i: 0 | 1 | 2) => this.#factor(stream, factors[i]);
      x.vpmadd52luq(low0, limb, by(0));
      x.vpmadd52luq(low1, limb, by(1));
      x.vpmadd52luq(low2, limb, by(2));
      x.vpmadd52huq(high0, limb, by(0));
      x.vpmadd52huq(high1, limb, by(1));
      x.vpmadd52huq(high2, limb, by(2));
    }
    // High halves count in 2^52, limbs in 2^44, so they are multiplied by 2^8, the last by 2^10 for its 42 bits. The
    // lowest limb is not carried again: it may have 50 bits, since r2 has 36 and no product gets too long.
    x.vpsrlq(carry, low0, 44);
    x.vpandq(masked(h0, mask), low0, constant("avx512.low-44"));
    x.vpmadd52luq(low1, high0, constant("avx512.2^8"));
    x.vpaddq(low1, low1, carry);
    x.vpsrlq(carry, low1, 44);
    x.vpandq(masked(h1, mask), low1, constant("avx512.low-44"));
    x.vpmadd52luq(low2, high1, constant("avx512.2^8"));
    x.vpaddq(low2, low2, carry);
    x.vpsrlq(carry, low2, 42);
    x.vpandq(masked(h2, mask), low2, constant("avx512.low-42"));
    x.vpmadd52luq(carry, high2, constant("avx512.2^10"));
    x.vpmadd52luq(masked(h0, mask), carry, constant("avx512.five"));
  }

  /** Reduces the sums of a stream modulo p, adds the key's second half, and keeps the tags (RFC 8439 §2.5.1). */
  #complete(stream: 0 | 1): void {
    const x = this.#x, [h0, h1, h2] = SUMS[stream];
    const [carry, g0, g1, g2, low, high] = [22, 23, 24, 25, 26, 27].map(zmm) as [
      Register,
      Register,
      Register,
      Register,
      Register,
      Register,
    ];
    const carryOver = (from: Register, to: Register) => {
      x.vpsrlq(carry, from, 44);
      x.vpandq(from, from, constant("avx512.low-44"));
      x.vpaddq(to, to, carry);
    };
    carryOver(h0, h1);
    carryOver(h1, h2);
    x.vpsrlq(carry, h2, 42);
    x.vpandq(h2, h2, constant("avx512.low-42"));
    x.vpmadd52luq(h0, carry, constant("avx512.five"));
    carryOver(h0, h1);
    carryOver(h1, h2);
    // h + 5 reaches 2^130 where h is not below p, and h - p is what it has below that.
    x.vpaddq(g0, h0, constant("avx512.five"));
    x.vpsrlq(carry, g0, 44);
    x.vpandq(g0, g0, constant("avx512.low-44"));
    x.vpaddq(g1, h1, carry);
    x.vpsrlq(carry, g1, 44);
    x.vpandq(g1, g1, constant("avx512.low-44"));
    x.vpaddq(g2, h2, carry);
    x.vpcmpuq(k(1), g2, constant("avx512.2^42"), NOT_LESS);
    x.vpandq(masked(h2, k(1)), g2, constant("avx512.low-42"));
    x.vmovdqa64(masked(h1, k(1)), g1);
    x.vmovdqa64(masked(h0, k(1)), g0);
    // Two words of 64 bits again.
    x.vpsllq(carry, h1, 44);
    x.vporq(low, h0, carry);
    x.vpsrlq(high, h1, 20);
    x.vpsllq(carry, h2, 24);
    x.vporq(high, high, carry);
    x.vpaddq(low, low, vector(this.#pad, 2 * stream));
    x.vpcmpuq(k(1), low, vector(this.#pad, 2 * stream), LESS);
    x.vpaddq(high, high, vector(this.#pad, 2 * stream + 1));
    x.vpaddq(masked(high, k(1)), high, constant("avx512.one"));
    x.vmovdqa64(vector(this.#tags, 2 * stream), low);
    x.vmovdqa64(vector(this.#tags, 2 * stream + 1), high);
  }

  /** Splits the rows of a stream into blocks: low words of all eight packets in one vector, high ones in another. */
  #splitRows(rows: number, stream: 0 | 1): void {
    const x = this.#x, packets = [22, 23, 24, 25, 26, 27, 28, 29].map(zmm);
    for (const [i, lane] of STREAMS[stream].entries()) {
      const pointer = POINTERS[i & 3] ?? r8;
      x.mov(pointer, at(rbx, rows + 8 * lane));
      x.vmovdqu64(packets[i] ?? zmm(22), at(pointer));
    }
    const low: Register[] = [], high: Register[] = [];
    let spare = zmm(30);
    for (let i = 0; i < 8; i += 2) {
      const [even, odd] = packets.slice(i, i + 2) as [Register, Register];
      x.vpunpcklqdq(spare, even, odd);
      x.vpunpckhqdq(odd, even, odd);
      low.push(spare);
      high.push(odd);
      spare = even;
    }
    // The sums are in memory meanwhile.
    const temporary = [spare, zmm(31), ...SUMS[stream]];
    for (const [half, vectors] of [low, high].entries()) {
      transposeParts(x, vectors, temporary);
      for (const [block, words] of vectors.entries()) {
        x.vmovdqa64(vector(this.#blocks + BLOCK_BYTES * block, 2 * stream + half), words);
      }
    }
  }

  #loadSums(): void {
    for (const [i, limb] of SUMS.flat().entries()) this.#x.vmovdqa64(limb, vector(this.#sums, i));
  }

  #factor(stream: 0 | 1, index: number): Memory {
    return vector(this.#r, 5 * stream + index);
  }
}

function vector(place: number, index: number): Memory {
  return at(rbx, place + VECTOR_BYTES * index);
}

function constant(name: keyof typeof CONSTANTS): Memory {
  return atLabel(name);
}

function littleEndian(value: bigint): number[] {
  return Array.from({ length: 8 }, (_, i) => Number((value >> BigInt(8 * i)) & 255n));
}

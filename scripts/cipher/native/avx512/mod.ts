/**
 * Sixteen packets side by side, for AVX-512 with IFMA: ChaCha20 has zmm0 to zmm15, Poly1305 and the rows zmm16 to zmm31.
 *
 *     column j        rounds of ChaCha20 for its key stream
 *     beside it       column j - 1 gets its key stream and goes to Poly1305; when opening, to Poly1305 first
 *
 * @module
 */

import type { Assembler, Mnemonics } from "../assembler.ts";
import type { Context } from "../context.ts";
import type { Direction, Lanes } from "../lanes.ts";
import { at, k, low32, masked, rax, rbp, rbx, rcx, rdi, rsi, zmm } from "../operands.ts";
import { ChaCha20x16 } from "./chacha20.ts";
import { Poly1305x16 } from "./poly1305.ts";

/** How many packets go side by side. */
export const LANES_AVX512 = 16;
const VECTOR_BYTES = 64;
/** Vectors of eight words, for the words of all lanes. */
const PARTS = [0, 1] as const;

/** See `Lanes`. */
export class LanesAvx512 implements Lanes {
  readonly #assembler: Assembler;
  readonly #x: Mnemonics;
  readonly #context: Context;
  readonly #chacha20: ChaCha20x16;
  readonly #poly1305: Poly1305x16;
  /** Bits of lanes that take part in the column that comes next, and in the one before. */
  readonly #active: number;
  readonly #formerActive: number;

  constructor(assembler: Assembler, context: Context) {
    this.#assembler = assembler;
    this.#x = assembler.x;
    this.#context = context;
    this.#chacha20 = new ChaCha20x16(assembler, context);
    this.#poly1305 = new Poly1305x16(assembler, context);
    this.#active = context.takePublic(8);
    this.#formerActive = context.takePublic(8);
  }

  writeConstants(): void {
    this.#chacha20.writeConstants();
    this.#poly1305.writeConstants();
  }

  loadKey(): void {
    this.#chacha20.loadKey();
  }

  beginGroup(): void {
    const x = this.#x, c = this.#context;
    this.#chacha20.setBlock(0);
    this.#chacha20.rounds();
    this.#chacha20.addState(8);
    this.#poly1305.begin();
    this.#chacha20.setBlock(1);
    // There is no column before the first.
    x.lea(rax, at(rbx, c.idleRow));
    x.mov(at(rbx, c.spreadWord), rax);
    x.vpbroadcastq(zmm(0), at(rbx, c.spreadWord));
    for (const part of PARTS) x.vmovdqa64(at(rbx, c.formerRow + VECTOR_BYTES * part), zmm(0));
    x.xor(low32(rax), low32(rax));
    x.mov(at(rbx, this.#formerActive), rax);
  }

  beginSegment(): void {
    this.#x.xor(low32(rbp), low32(rbp));
  }

  setActive(isActive: boolean): void {
    if (isActive) this.#poly1305.addLaneBit(rbp);
  }

  endSegment(): void {
    this.#x.mov(at(rbx, this.#active), rbp);
  }

  column(direction: Direction): void {
    const a = this.#assembler;
    a.weave(a.capture(() => this.#chacha20.rounds()), a.capture(() => this.#finishFormer(direction)));
    this.#chacha20.endBlock();
    this.#moveOn();
  }

  endColumns(direction: Direction): void {
    const x = this.#x, absorbed = this.#assembler.newLabel("absorbed");
    if (direction === "seal") this.#chacha20.encryptRows();
    // Most often that were tails alone, which Poly1305 takes later.
    x.mov(rax, at(rbx, this.#formerActive));
    x.test(rax, rax);
    x.je(absorbed);
    this.#poly1305.absorbRows(this.#context.formerRow, at(rbx, this.#formerActive));
    this.#assembler.label(absorbed);
    if (direction === "open") this.#chacha20.encryptRows();
  }

  copyToRow(): void {
    const x = this.#x;
    this.#maskFirst();
    x.vmovdqu8(masked(zmm(0), k(1), true), at(rsi));
    x.vmovdqa64(at(rdi), zmm(0));
  }

  copyFromRow(): void {
    const x = this.#x;
    this.#maskFirst();
    x.vmovdqu8(masked(zmm(0), k(1), true), at(rsi));
    x.vmovdqa64(at(rsi), zmm(0));
    x.vmovdqu8(masked(at(rdi), k(1)), zmm(0));
  }

  absorbTail(): void {
    this.#poly1305.keepTail(at(rbx, this.#context.textBytes, rcx, 8));
  }

  finishTags(): void {
    this.#poly1305.finish();
  }

  loadTag(): void {
    this.#poly1305.loadTag();
  }

  wipeRegisters(): void {
    // The upper half of the registers is not within reach of `vzeroall`.
    for (let i = 16; i < 32; i++) this.#x.vpxord(zmm(i), zmm(i), zmm(i));
    this.#x.vzeroall();
    this.#poly1305.wipeMasks();
  }

  /** The column before: what is authenticated is what is sent, or was received. */
  #finishFormer(direction: Direction): void {
    if (direction === "seal") this.#chacha20.encryptRows();
    this.#poly1305.absorbRows(this.#context.formerRow, at(rbx, this.#formerActive));
    if (direction === "open") this.#chacha20.encryptRows();
  }

  #moveOn(): void {
    const x = this.#x, c = this.#context;
    for (const part of PARTS) {
      const row = at(rbx, c.row + VECTOR_BYTES * part);
      x.vmovdqa64(zmm(0), row);
      x.vmovdqa64(at(rbx, c.formerRow + VECTOR_BYTES * part), zmm(0));
      x.vpaddq(zmm(0), zmm(0), at(rbx, c.step + VECTOR_BYTES * part));
      x.vmovdqa64(row, zmm(0));
    }
    x.mov(rax, at(rbx, this.#active));
    x.mov(at(rbx, this.#formerActive), rax);
  }

  /** Puts a mask of the first rcx bytes, less than 64, to k1. */
  #maskFirst(): void {
    this.#x.mov(rax, -1);
    this.#x.bzhi(rax, rax, rcx);
    this.#x.kmovq(k(1), rax);
  }
}

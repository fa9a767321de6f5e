/**
 * Eight packets side by side, for AVX2 with BMI2: ChaCha20 has all vector registers, Poly1305 the general ones.
 *
 *     column j        rounds of ChaCha20 for its key stream, which then goes over its rows
 *     beside it       Poly1305 takes column j - 1, which was encrypted; when opening, column j, before it is decrypted
 *
 * @module
 */

import type { Assembler, Mnemonics } from "../assembler.ts";
import type { Context } from "../context.ts";
import type { Direction, Lanes } from "../lanes.ts";
import { at, low32, rax, rbx, rcx, rdi, rdx, rsi, ymm } from "../operands.ts";
import { ChaCha20x8 } from "./chacha20.ts";
import { Poly1305x8 } from "./poly1305.ts";

/** How many packets go side by side. */
export const LANES_AVX2 = 8;
const VECTOR_BYTES = 32;
const ROW_BYTES = 64;
/** Vectors of four words, for the words of all lanes. */
const PARTS = [0, 1] as const;

/** See `Lanes`. */
export class LanesAvx2 implements Lanes {
  readonly #assembler: Assembler;
  readonly #x: Mnemonics;
  readonly #context: Context;
  readonly #chacha20: ChaCha20x8;
  readonly #poly1305: Poly1305x8;
  /** The addresses of the packets whose sums a column goes to, the one that comes next and the one before. */
  readonly #packets: number;
  readonly #formerPackets: number;

  constructor(assembler: Assembler, context: Context) {
    this.#assembler = assembler;
    this.#x = assembler.x;
    this.#context = context;
    this.#chacha20 = new ChaCha20x8(assembler, context);
    this.#poly1305 = new Poly1305x8(assembler, context);
    this.#packets = context.takePublic(8 * LANES_AVX2, 64);
    this.#formerPackets = context.takePublic(8 * LANES_AVX2, 64);
  }

  writeConstants(): void {
    this.#chacha20.writeConstants();
  }

  loadKey(): void {
    this.#chacha20.loadKey();
  }

  beginGroup(): void {
    const x = this.#x, c = this.#context;
    this.#chacha20.setBlock(0);
    this.#chacha20.rounds();
    this.#chacha20.addState();
    for (const [lane, key] of this.#chacha20.transposeLower().entries()) {
      x.vmovdqa(this.#poly1305.oneTimeKey(lane), key);
    }
    this.#poly1305.begin();
    this.#chacha20.setBlock(1);
    // There is no column before the first.
    x.lea(rax, at(rbx, c.idleRow));
    x.lea(rdx, at(rbx, this.#poly1305.nobody));
    for (let lane = 0; lane < LANES_AVX2; lane++) {
      x.mov(at(rbx, c.formerRow + 8 * lane), rax);
      x.mov(at(rbx, this.#formerPackets + 8 * lane), rdx);
    }
  }

  beginSegment(): void {}

  setActive(isActive: boolean): void {
    if (isActive) this.#poly1305.addressOf(rsi);
    else this.#x.lea(rsi, at(rbx, this.#poly1305.nobody));
    this.#x.mov(at(rbx, this.#packets, rcx, 8), rsi);
  }

  endSegment(): void {}

  column(direction: Direction): void {
    const a = this.#assembler, c = this.#context;
    const beside = direction === "seal"
      ? () => this.#poly1305.absorbRows(c.formerRow, this.#formerPackets)
      : () => this.#poly1305.absorbRows(c.row, this.#packets);
    a.weave(a.capture(() => this.#chacha20.rounds()), a.capture(beside));
    this.#chacha20.encryptRows();
    this.#moveOn();
  }

  endColumns(direction: Direction): void {
    if (direction === "seal") this.#poly1305.absorbRows(this.#context.formerRow, this.#formerPackets);
  }

  copyToRow(): void {
    const x = this.#x;
    x.vpxor(ymm(0), ymm(0), ymm(0));
    for (const part of PARTS) x.vmovdqa(at(rdi, VECTOR_BYTES * part), ymm(0));
    x.rep_movsb();
  }

  copyFromRow(): void {
    const x = this.#x;
    x.mov(rdx, ROW_BYTES);
    x.sub(rdx, rcx);
    x.rep_movsb();
    // What is left of the row is key stream.
    x.mov(rdi, rsi);
    x.mov(rcx, rdx);
    x.xor(low32(rax), low32(rax));
    x.rep_stosb();
  }

  absorbTail(): void {
    this.#poly1305.absorbTail();
  }

  finishTags(): void {}

  loadTag(): void {
    this.#poly1305.loadTag(at(rbx, this.#context.textBytes, rcx, 8));
  }

  wipeRegisters(): void {
    this.#x.vzeroall();
  }

  #moveOn(): void {
    const x = this.#x, c = this.#context;
    const move = (from: number, to: number, part: number) => {
      x.vmovdqa(ymm(0), at(rbx, from + VECTOR_BYTES * part));
      x.vmovdqa(at(rbx, to + VECTOR_BYTES * part), ymm(0));
    };
    for (const part of PARTS) {
      move(this.#packets, this.#formerPackets, part);
      move(c.row, c.formerRow, part);
      x.vpaddq(ymm(0), ymm(0), at(rbx, c.step + VECTOR_BYTES * part));
      x.vmovdqa(at(rbx, c.row + VECTOR_BYTES * part), ymm(0));
    }
  }
}

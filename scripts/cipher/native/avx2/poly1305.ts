/**
 * Poly1305 in general registers, packet after packet (RFC 8439 §2.5). Numbers are limbs of 64, 64 and a few bits; r has
 * two of 60, so that no sum of products is longer than 128 bits.
 *
 *     h = h0 + 2^64 h1 + 2^128 h2     r8, r9, r10
 *
 * @module
 */

import type { Assembler, Mnemonics } from "../assembler.ts";
import type { Context } from "../context.ts";
import {
  at,
  low32,
  type Memory,
  r10,
  r11,
  r15,
  r8,
  r9,
  rax,
  rbp,
  rbx,
  rcx,
  rdi,
  rdx,
  type Register,
  rsi,
} from "../operands.ts";

const LANES = 8;
const BLOCK_BYTES = 16;
/** The sums of a packet, r1 + r1 / 4, r, and the half of the one-time key that is added at the end. */
const PACKET = { H: 0, S1: 24, R0: 32, R1: 40, PAD: 48, BYTES: 64 } as const;
const [h0, h1, h2] = [r8, r9, r10];

/** Writes the parts that authenticate. */
export class Poly1305x8 {
  readonly #assembler: Assembler;
  readonly #x: Mnemonics;
  readonly #packets: number;
  /** The place of a packet that is none: what lanes without work add to. */
  readonly nobody: number;
  /** What there is no register for. */
  readonly #lane: number;
  readonly #blocksLeft: number;
  readonly #lengths: number;

  constructor(assembler: Assembler, context: Context) {
    this.#assembler = assembler;
    this.#x = assembler.x;
    this.#packets = context.takeAligned((LANES + 1) * PACKET.BYTES);
    this.nobody = this.#packets + LANES * PACKET.BYTES;
    this.#lane = context.takePublic(8);
    this.#blocksLeft = context.takePublic(8);
    this.#lengths = context.takePublic(BLOCK_BYTES);
  }

  /** Where the one-time key of a packet is expected, 32 bytes. */
  oneTimeKey(lane: number): Memory {
    return at(rbx, this.#packets + lane * PACKET.BYTES + PACKET.R0);
  }

  /** Clamps r, and begins all sums. */
  begin(): void {
    const x = this.#x;
    // 0x0ffffffc0ffffffc and, for the lower word, 0x0ffffffc0fffffff (RFC 8439 §2.5.1).
    x.mov(rcx, 0x0fff_fffc);
    x.mov(rsi, rcx);
    x.shl(rcx, 32);
    x.or(rcx, rsi);
    x.mov(rdi, rcx);
    x.or(rdi, 3);
    x.xor(low32(r8), low32(r8));
    for (let lane = 0; lane < LANES; lane++) {
      const field = (offset: number) => at(rbx, this.#packets + lane * PACKET.BYTES + offset);
      x.mov(rax, field(PACKET.R0));
      x.mov(rdx, field(PACKET.R1));
      x.and(rax, rdi);
      x.and(rdx, rcx);
      x.mov(field(PACKET.R0), rax);
      x.mov(field(PACKET.R1), rdx);
      // 2^128 r1 is 5/4 r1 modulo 2^130 - 5, and r1 is a multiple of four.
      x.mov(rax, rdx);
      x.shr(rax, 2);
      x.add(rax, rdx);
      x.mov(field(PACKET.S1), rax);
      for (let i = 0; i < 3; i++) x.mov(field(PACKET.H + 8 * i), r8);
    }
  }

  /** Puts the address of lane rcx's packet to a register. */
  addressOf(register: Register): void {
    this.#x.mov(register, rcx);
    this.#x.shl(register, 6);
    this.#x.lea(register, at(rbx, this.#packets, register));
  }

  /**
   * Takes a column of all lanes.
   * @param rows where the addresses of the rows are
   * @param packets where the addresses of the packets are
   */
  absorbRows(rows: number, packets: number): void {
    for (let lane = 0; lane < LANES; lane++) {
      this.#x.mov(rdi, at(rbx, rows + 8 * lane));
      this.#x.mov(rsi, at(rbx, packets + 8 * lane));
      this.#loadSums();
      for (let block = 0; block < 4; block++) this.#absorb(rdi, BLOCK_BYTES * block);
      this.#storeSums();
    }
  }

  /** Takes rdx bytes of the row at rsi for lane rcx. */
  absorbTail(): void {
    const x = this.#x, a = this.#assembler, [block, done] = [a.newLabel("tail"), a.newLabel("tail.done")];
    const left = at(rbx, this.#blocksLeft);
    x.mov(at(rbx, this.#lane), rcx);
    x.mov(rdi, rsi);
    this.addressOf(rsi);
    x.add(rdx, BLOCK_BYTES - 1);
    x.shr(rdx, 4);
    x.mov(left, rdx);
    this.#loadSums();
    a.label(block);
    x.mov(rax, left);
    x.sub(rax, 1);
    x.js(done);
    x.mov(left, rax);
    this.#absorb(rdi, 0);
    x.add(rdi, BLOCK_BYTES);
    x.jmp(block);
    a.label(done);
    this.#storeSums();
    x.mov(rcx, at(rbx, this.#lane));
  }

  /** Takes the block of lengths of lane rcx, and computes its tag to rax and rdx. */
  loadTag(textBytes: Memory): void {
    const x = this.#x;
    this.addressOf(rsi);
    this.#loadSums();
    // There is no associated data (RFC 8439 §2.8).
    x.xor(low32(rax), low32(rax));
    x.mov(at(rbx, this.#lengths), rax);
    x.mov(rax, textBytes);
    x.mov(at(rbx, this.#lengths + 8), rax);
    x.mov(at(rbx, this.#lane), rcx);
    x.lea(rdi, at(rbx, this.#lengths));
    this.#absorb(rdi, 0);
    // h + 5 reaches 2^130 where h is not below p, and h - p is what it has below that.
    x.mov(rax, h0);
    x.mov(rdx, h1);
    x.mov(rcx, h2);
    x.add(rax, 5);
    x.adc(rdx, 0);
    x.adc(rcx, 0);
    x.shr(rcx, 2);
    x.test(rcx, rcx);
    x.cmove(rax, h0);
    x.cmove(rdx, h1);
    x.add(rax, at(rsi, PACKET.PAD));
    x.adc(rdx, at(rsi, PACKET.PAD + 8));
    x.mov(rcx, at(rbx, this.#lane));
  }

  /**
   * h = (h + block + 2^128) × r modulo 2^130 - 5, of the packet at rsi.
   *
   * d0 = h0 r0 + h1 s1, d1 = h0 r1 + h1 r0 + h2 s1, d2 = h2 r0, with s1 = 5/4 r1.
   */
  #absorb(block: Register, offset: number): void {
    const x = this.#x;
    x.add(h0, at(block, offset));
    x.adc(h1, at(block, offset + 8));
    x.adc(h2, 1);
    x.mov(rdx, h0);
    x.mulx(rcx, rax, at(rsi, PACKET.R0));
    x.mulx(rbp, r11, at(rsi, PACKET.R1));
    x.mov(rdx, h1);
    x.mulx(h1, h0, at(rsi, PACKET.S1));
    x.mulx(rdx, r15, at(rsi, PACKET.R0));
    // d0 in h0 and h1.
    x.add(h0, rax);
    x.adc(h1, rcx);
    x.mov(rax, h2);
    x.imul(rax, at(rsi, PACKET.S1));
    x.imul(h2, at(rsi, PACKET.R0));
    // d1 in r11 and rbp, and what is above its first word goes to d2.
    x.add(r11, r15);
    x.adc(rbp, rdx);
    x.add(r11, rax);
    x.adc(h2, rbp);
    x.add(h1, r11);
    x.adc(h2, 0);
    // What is above 2^130 comes back times five: a multiple of four of it, and a quarter of that.
    x.mov(rax, h2);
    x.mov(rcx, h2);
    x.and(rax, -4);
    x.shr(rcx, 2);
    x.and(h2, 3);
    x.add(rax, rcx);
    x.add(h0, rax);
    x.adc(h1, 0);
    x.adc(h2, 0);
  }

  #loadSums(): void {
    for (const [i, limb] of [h0, h1, h2].entries()) this.#x.mov(limb, at(rsi, PACKET.H + 8 * i));
  }

  #storeSums(): void {
    for (const [i, limb] of [h0, h1, h2].entries()) this.#x.mov(at(rsi, PACKET.H + 8 * i), limb);
  }
}

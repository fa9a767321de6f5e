/**
 * Going through the lanes one by one, in scalar code.
 * @module
 */

import type { Assembler, Mnemonics } from "./assembler.ts";
import type { Context } from "./context.ts";
import { at, low32, type Memory, rax, rbx, rcx, type Register } from "./operands.ts";

/** Writes loops over lanes, which are counted in rcx, and what addresses something of the lane. */
export class LaneLoop {
  readonly #assembler: Assembler;
  readonly #x: Mnemonics;
  readonly #context: Context;

  constructor(assembler: Assembler, context: Context) {
    this.#assembler = assembler;
    this.#x = assembler.x;
    this.#context = context;
  }

  /** Repeats `body` with rcx from 0 on; it may leave for the label that it is given. */
  forEachLane(count: number | Memory, body: (next: string) => void): void {
    const x = this.#x, a = this.#assembler;
    const [each, next] = [a.newLabel("lane"), a.newLabel("lane.next")];
    this.clear(rcx);
    a.label(each);
    body(next);
    a.label(next);
    x.add(rcx, 1);
    x.cmp(rcx, count);
    x.jb(each);
  }

  /** Leaves when the lane has no message; changes rax. */
  skipIdle(next: string): void {
    this.clear(rax);
    this.#x.cmp(rax, this.of(this.#context.tagAt));
    this.#x.je(next);
  }

  /** The word of lane rcx. */
  of(words: number): Memory {
    return at(rbx, words, rcx, 8);
  }

  /** Puts the address of lane rcx's row to a register. */
  tailRow(register: Register): void {
    this.#x.mov(register, rcx);
    this.#x.shl(register, 6);
    this.#x.lea(register, at(rbx, this.#context.tailRows, register));
  }

  /** Makes a register zero; changes the flags. */
  clear(register: Register): void {
    this.#x.xor(low32(register), low32(register));
  }
}

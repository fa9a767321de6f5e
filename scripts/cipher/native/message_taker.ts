/**
 * Giving messages to lanes: where each is, how long, by which counter; and whether it is one at all.
 * @module
 */

import { NATIVE_CONTEXT as HOST } from "../../../lib/crypto/batch/native_layout.ts";
import { CIPHER_LAYOUT } from "../../../lib/crypto/wasm_module.ts";
import type { Assembler, Mnemonics } from "./assembler.ts";
import type { Context } from "./context.ts";
import { LaneLoop } from "./lane_loop.ts";
import type { Direction, Lanes } from "./lanes.ts";
import { at, low32, r10, r11, r12, r8, r9, rax, rbx, rcx, rdi, rdx, rsi, xmm } from "./operands.ts";

const HEADER_BYTES = 16;
const TAG_BYTES = 16;
const ROW_BYTES = 64;
/** A counter has at most so many bits, because it comes from JavaScript (ECMA-262 §21.1.2.6). */
const COUNTER_BITS = 53;

/** Writes the code that fills the lanes of a group. */
export class MessageTaker {
  readonly #x: Mnemonics;
  readonly #context: Context;
  readonly #lanes: Lanes;
  readonly #direction: Direction;
  readonly #loop: LaneLoop;

  constructor(assembler: Assembler, { context, lanes, direction }: {
    readonly context: Context;
    readonly lanes: Lanes;
    readonly direction: Direction;
  }) {
    this.#x = assembler.x;
    this.#context = context;
    this.#lanes = lanes;
    this.#direction = direction;
    this.#loop = new LaneLoop(assembler, context);
  }

  /** Every lane gets the message that comes next, as long as there is one, if it is one. */
  take(): void {
    const x = this.#x, c = this.#context;
    this.#loop.forEachLane(c.lanes, (next) => {
      // Until it is known better, the lane has nothing to do.
      x.mov(rax, -1);
      x.mov(this.#loop.of(c.left), rax);
      this.#loop.clear(rax);
      x.mov(this.#loop.of(c.tailBytes), rax);
      x.mov(this.#loop.of(c.tagAt), rax);
      x.cmp(rcx, at(rbx, c.used));
      x.jae(next);
      if (this.#direction === "seal") this.#nextToSeal();
      else this.#nextToOpen(next);
      // Of a message at rsi, r8 bytes long, with the counter rax: all of it has to be in the memory.
      x.cmp(r8, HEADER_BYTES + TAG_BYTES);
      x.jb(next);
      x.lea(rdx, at(rsi, 0, r8));
      x.cmp(rdx, at(rbx, HOST.MEMORY_BYTES));
      x.ja(next);
      // The lower and the upper half of the counter are the last words of the state (RFC 8439 §2.3).
      x.mov(at(rbx, c.state + 14 * 4 * c.lanes, rcx, 4), low32(rax));
      x.shr(rax, 32);
      x.mov(at(rbx, c.state + 15 * 4 * c.lanes, rcx, 4), low32(rax));
      x.add(rsi, at(rbx, HOST.MEMORY));
      x.add(rsi, HEADER_BYTES);
      x.sub(r8, HEADER_BYTES + TAG_BYTES);
      this.#placeText();
    });
  }

  /** Puts where the next message begins to rsi, its length to r8, its counter to rax. */
  #nextToSeal(): void {
    const x = this.#x, c = this.#context;
    x.mov(rsi, at(rbx, c.nextAt));
    x.mov(r8, at(rbx, HOST.MESSAGE_BYTES));
    x.lea(rdx, at(rsi, 0, r8));
    x.mov(at(rbx, c.nextAt), rdx);
    x.add(r12, 1);
    x.cmp(r12, at(rbx, HOST.COUNT));
    x.cmove(r8, at(rbx, HOST.LAST_BYTES));
    x.mov(rax, at(rbx, HOST.COUNTER));
    x.lea(rdx, at(rax, 1));
    x.mov(at(rbx, HOST.COUNTER), rdx);
  }

  /** The same from the tables, where counters are floating-point numbers; leaves for `refuse` when it is no counter. */
  #nextToOpen(refuse: string): void {
    const x = this.#x;
    x.mov(r9, at(rbx, HOST.MEMORY));
    x.mov(r10, r12);
    x.add(r12, 1);
    // A forgery, until its tag was right.
    x.mov(rax, -1);
    x.mov(at(r9, CIPHER_LAYOUT.TABLE_RESULT, r10, 4), low32(rax));
    x.mov(low32(rsi), at(r9, CIPHER_LAYOUT.TABLE_AT, r10, 4));
    x.mov(low32(r8), at(r9, CIPHER_LAYOUT.TABLE_LENGTH, r10, 4));
    const counter = at(r9, CIPHER_LAYOUT.TABLE_COUNTER, r10, 8);
    x.vcvttsd2si(rax, counter);
    // What is no number became -2^63, and what is negative is too large without a sign.
    x.mov(rdx, -1);
    x.shr(rdx, 64 - COUNTER_BITS);
    x.cmp(rdx, rax);
    x.jb(refuse);
    x.vcvtsi2sd(xmm(0), xmm(0), rax);
    x.vucomisd(xmm(0), counter);
    x.jne(refuse);
    x.add(rax, at(rbx, HOST.COUNTER));
  }

  /** Lane rcx has a text of r8 bytes at rsi. */
  #placeText(): void {
    const x = this.#x, c = this.#context;
    x.mov(this.#loop.of(c.row), rsi);
    x.mov(this.#loop.of(c.textBytes), r8);
    x.lea(rdx, at(rsi, 0, r8));
    x.mov(this.#loop.of(c.tagAt), rdx);
    x.mov(rdx, r8);
    x.shr(rdx, 6);
    x.mov(this.#loop.of(c.left), rdx);
    x.shl(rdx, 6);
    x.sub(r8, rdx);
    x.mov(this.#loop.of(c.tailBytes), r8);
    x.add(rsi, rdx);
    x.mov(this.#loop.of(c.tailAt), rsi);
    x.mov(r11, rcx);
    this.#loop.tailRow(rdi);
    x.mov(rcx, r8);
    this.#lanes.copyToRow();
    x.mov(rcx, r11);
    if (this.#direction === "seal") return;
    // What is authenticated is what was received, which the column overwrites.
    this.#loop.tailRow(rdi);
    for (let i = 0; i < ROW_BYTES; i += 8) {
      x.mov(rax, at(rdi, i));
      x.mov(at(rdi, c.sealedTailRows - c.tailRows + i), rax);
    }
  }
}

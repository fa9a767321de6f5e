/**
 * ChaCha20-Poly1305 over batches of messages (RFC 8439 §2.8; WireGuard paper §5.4.6), with a message in each lane of the
 * vectors: neither cipher nor authenticator has anything to do across lanes, and any mixture of lengths goes together.
 *
 *     for each group of as many messages as there are lanes
 *       messages -> lanes          checked, and each lane told where its text is
 *       first block of key stream  the one-time keys
 *       columns of 64 bytes ...    in segments in which no lane changes its row
 *       tails, tags                the last bytes of each lane, back to where they belong
 *
 * The last bytes of a text that fill no column go through a row of the context, and a lane without work has a row that
 * nobody reads. So columns are always whole: the inner loop has no branches, and nothing outside of a message is read or
 * written. What decides where the code goes is the count, the lengths and the places of messages, and whether a tag was
 * right; none of it is secret.
 *
 *     rbx context    r12 index of the next message    r13 messages left    r14 columns left of a segment
 *
 * @module
 */

import { CIPHER_LAYOUT } from "../../../lib/crypto/wasm_module.ts";
import { NATIVE_CONTEXT as HOST } from "../../../lib/crypto/batch/native_layout.ts";
import type { Assembler, Mnemonics } from "./assembler.ts";
import type { Context } from "./context.ts";
import { LaneLoop } from "./lane_loop.ts";
import type { Direction, Lanes } from "./lanes.ts";
import { MessageTaker } from "./message_taker.ts";
import {
  at,
  low32,
  r10,
  r11,
  r12,
  r13,
  r14,
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
} from "./operands.ts";

const ROW_BYTES = 64;
/** More columns than any message has. */
const MANY = 0x7fff_ffff;
/** Registers that the caller finds as they were (System V ABI §3.2.1). */
const PRESERVED = [rbx, rbp, r12, r13, r14, r15];
const CLEARED = [rcx, rdx, rsi, rdi, r8, r9, r10, r11];

/** What a function is written of. */
export interface DriverParts {
  readonly context: Context;
  readonly lanes: Lanes;
  readonly direction: Direction;
  /** Adds instructions behind everything else, for tests; rbx points to the context. */
  readonly beforeReturn?: (() => void) | undefined;
}

/** Writes the function that seals, or the one that opens. */
export class Driver {
  readonly #assembler: Assembler;
  readonly #x: Mnemonics;
  readonly #context: Context;
  readonly #lanes: Lanes;
  readonly #direction: Direction;
  readonly #messages: MessageTaker;
  readonly #loop: LaneLoop;
  readonly #beforeReturn: (() => void) | undefined;

  constructor(assembler: Assembler, parts: DriverParts) {
    this.#assembler = assembler;
    this.#x = assembler.x;
    this.#context = parts.context;
    this.#lanes = parts.lanes;
    this.#direction = parts.direction;
    this.#messages = new MessageTaker(assembler, parts);
    this.#loop = new LaneLoop(assembler, parts.context);
    this.#beforeReturn = parts.beforeReturn;
  }

  /** Writes all of it; the label is the direction's name, the context's address is expected in rdi. */
  write(): void {
    const x = this.#x, a = this.#assembler, direction = this.#direction;
    const [group, end] = [a.newLabel("group"), a.newLabel("end")];
    a.align(64);
    a.label(direction);
    for (const register of PRESERVED) x.push(register);
    x.mov(rbx, rdi);
    x.mov(rax, at(rbx, HOST.FIRST_AT));
    x.mov(at(rbx, this.#context.nextAt), rax);
    this.#loop.clear(rax);
    x.mov(at(rbx, HOST.DONE), rax);
    this.#loop.clear(r12);
    x.mov(r13, at(rbx, HOST.COUNT));
    this.#lanes.loadKey();

    a.label(group);
    x.test(r13, r13);
    x.je(end);
    x.mov(rax, this.#context.lanes);
    x.cmp(rax, r13);
    this.#takeLess(rax, r13);
    x.mov(at(rbx, this.#context.used), rax);
    x.mov(at(rbx, this.#context.firstIndex), r12);
    this.#messages.take();
    this.#lanes.beginGroup();
    this.#columns();
    this.#writeTails();
    this.#lanes.finishTags();
    this.#handleTags();
    x.sub(r13, at(rbx, this.#context.used));
    x.jmp(group);

    a.label(end);
    this.#wipe();
    this.#beforeReturn?.();
    for (const register of PRESERVED.toReversed()) x.pop(register);
    x.ret();
  }

  /** Goes through all columns, in segments in which the rows of all lanes go on, or stay. */
  #columns(): void {
    const x = this.#x, a = this.#assembler, c = this.#context;
    const [segment, column, done] = ["segment", "column", "columns.done"].map((name) => a.newLabel(name)) as [
      string,
      string,
      string,
    ];
    this.#loop.clear(r14);
    a.label(segment);
    // How many columns are done, and how many come now.
    x.mov(rdx, r14);
    x.mov(r14, MANY);
    this.#lanes.beginSegment();
    this.#loop.forEachLane(c.lanes, (next) => this.#takeRow(next));
    this.#lanes.endSegment();
    x.cmp(r14, MANY);
    x.je(done);
    x.mov(at(rbx, c.segment), r14);
    a.align(64);
    a.label(column);
    this.#lanes.column(this.#direction);
    x.sub(r14, 1);
    x.jne(column);
    x.mov(r14, at(rbx, c.segment));
    x.jmp(segment);
    a.label(done);
    this.#lanes.endColumns(this.#direction);
  }

  /** Lane rcx gets its row after rdx columns; r14 becomes less when it can't keep that row for so many. */
  #takeRow(next: string): void {
    const x = this.#x, a = this.#assembler, c = this.#context;
    const [isWhole, isPlaced] = [a.newLabel("row.whole"), a.newLabel("row.placed")];
    x.mov(rax, this.#loop.of(c.left));
    x.sub(rax, rdx);
    x.mov(this.#loop.of(c.left), rax);
    x.test(rax, rax);
    x.jg(isWhole);
    this.#loop.clear(rdi);
    x.mov(this.#loop.of(c.step), rdi);
    x.lea(rsi, at(rbx, c.idleRow));
    x.test(rax, rax);
    x.js(isPlaced);
    x.cmp(rdi, this.#loop.of(c.tailBytes));
    x.je(isPlaced);
    this.#loop.tailRow(rsi);
    x.mov(r14, 1);
    a.label(isPlaced);
    x.mov(this.#loop.of(c.row), rsi);
    this.#lanes.setActive(false);
    x.jmp(next);
    a.label(isWhole);
    x.mov(rdi, ROW_BYTES);
    x.mov(this.#loop.of(c.step), rdi);
    x.cmp(rax, r14);
    x.cmovb(r14, rax);
    this.#lanes.setActive(true);
  }

  /** Puts the last bytes of every text where they belong, and authenticates them. */
  #writeTails(): void {
    const x = this.#x, c = this.#context;
    this.#loop.forEachLane(at(rbx, c.used), (next) => {
      this.#loop.skipIdle(next);
      x.mov(r11, rcx);
      this.#loop.tailRow(rsi);
      x.mov(rdi, this.#loop.of(c.tailAt));
      x.mov(rcx, this.#loop.of(c.tailBytes));
      this.#lanes.copyFromRow();
      x.mov(rcx, r11);
      this.#loop.tailRow(rsi);
      if (this.#direction === "open") x.add(rsi, c.sealedTailRows - c.tailRows);
      x.mov(rdx, this.#loop.of(c.tailBytes));
      this.#lanes.absorbTail();
    });
  }

  /** Writes the tags; or compares them, and makes zeroes of the texts of which they are wrong. */
  #handleTags(): void {
    const x = this.#x, c = this.#context;
    this.#loop.forEachLane(at(rbx, c.used), (next) => {
      this.#loop.skipIdle(next);
      this.#lanes.loadTag();
      x.mov(rsi, this.#loop.of(c.tagAt));
      if (this.#direction === "seal") {
        x.mov(at(rsi), rax);
        x.mov(at(rsi, 8), rdx);
        this.#countDone();
        return;
      }
      const isForged = this.#assembler.newLabel("forged");
      // All bytes count at once: only whether there is a difference decides anything.
      x.xor(rax, at(rsi));
      x.xor(rdx, at(rsi, 8));
      x.or(rax, rdx);
      x.mov(rdx, this.#loop.of(c.textBytes));
      x.jne(isForged);
      x.mov(rsi, at(rbx, HOST.MEMORY));
      x.mov(rdi, at(rbx, c.firstIndex));
      x.add(rdi, rcx);
      x.mov(at(rsi, CIPHER_LAYOUT.TABLE_RESULT, rdi, 4), low32(rdx));
      this.#countDone();
      x.jmp(next);
      this.#assembler.label(isForged);
      x.mov(r11, rcx);
      x.mov(rdi, rsi);
      x.sub(rdi, rdx);
      x.mov(rcx, rdx);
      this.#loop.clear(rax);
      x.rep_stosb();
      x.mov(rcx, r11);
    });
  }

  #countDone(): void {
    this.#x.mov(rax, at(rbx, HOST.DONE));
    this.#x.add(rax, 1);
    this.#x.mov(at(rbx, HOST.DONE), rax);
  }

  /** Nothing is left that depends on the key: not in the context, nor in registers; the stack never had any of it. */
  #wipe(): void {
    const x = this.#x;
    this.#loop.clear(rax);
    for (const [from, to] of [[HOST.KEY, HOST.KEY + 32], [HOST.SCRATCH, this.#context.end]] as const) {
      x.lea(rdi, at(rbx, from));
      x.mov(rcx, to - from);
      x.rep_stosb();
    }
    this.#lanes.wipeRegisters();
    for (const register of CLEARED) this.#loop.clear(register);
  }

  /** Puts what is less, without a sign, to the first register; they were just compared. */
  #takeLess(register: Register, other: Register): void {
    const isLess = this.#assembler.newLabel("less");
    this.#x.jb(isLess);
    this.#x.mov(register, other);
    this.#assembler.label(isLess);
  }
}

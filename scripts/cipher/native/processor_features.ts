/**
 * Asks the processor what it can do, and the operating system which registers it saves (SDM volume 1, §13.2, §14.3 and
 * §15.2): `cpuid` and `xgetbv` are instructions, so that takes machine code, too.
 *
 *     answer   0  leaf 7 ebx    4  leaf 7 ecx    8  leaf 1 ecx    12  XCR0, or 0 where there is none
 *
 * @module
 */

import type { Assembler } from "./assembler.ts";
import { at, low32, rax, rbx, rcx, rdi, rdx, type Register } from "./operands.ts";

/** `cpuid` has OSXSAVE in this bit of leaf 1 ecx: without it `xgetbv` is no instruction. */
const OSXSAVE_BIT = 27;

/** Writes the function, which gets where the answer goes in rdi. */
export function writeProcessorFeatures(a: Assembler): void {
  const { x } = a;
  const clear = (register: Register) => x.xor(low32(register), low32(register));
  const ask = (leaf: number) => {
    x.mov(rax, leaf);
    clear(rcx);
    x.cpuid();
  };
  x.push(rbx);
  // Leaf 7 is there where leaf 0 says so.
  ask(0);
  x.mov(low32(rax), low32(rax));
  x.cmp(rax, 7);
  x.jb("features.none");
  ask(7);
  x.mov(at(rdi), low32(rbx));
  x.mov(at(rdi, 4), low32(rcx));
  ask(1);
  x.mov(at(rdi, 8), low32(rcx));
  x.mov(rax, 1);
  x.shl(rax, OSXSAVE_BIT);
  x.and(rcx, rax);
  x.je("features.none");
  clear(rcx);
  x.xgetbv();
  x.mov(at(rdi, 12), low32(rax));
  a.label("features.none");
  for (const register of [rax, rcx, rdx]) clear(register);
  x.pop(rbx);
  x.ret();
}

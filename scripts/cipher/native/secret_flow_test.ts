/**
 * Tests that nothing secret decides where the native cipher's code goes, or which address it uses, and that none is left
 * in a register when it returns.
 * @module
 */

import assert from "node:assert/strict";
import type { Mnemonics } from "./assembler.ts";
import { NATIVE_CONTEXT } from "../../../lib/crypto/batch/native_layout.ts";
import { Assembler, at, atLabel, emitNativeCode, k, r8, rax, rbx, rcx, rdi, rsi, zmm } from "./mod.ts";
import { findSecretUses, type SecretUse } from "./secret_flow.ts";

const { NATIVE_AVX512, NATIVE_AVX2 } = emitNativeCode();
const KEY = at(rbx, NATIVE_CONTEXT.KEY);
const COUNT = at(rbx, NATIVE_CONTEXT.COUNT);

for (const [tier, code] of Object.entries({ NATIVE_AVX512, NATIVE_AVX2 })) {
  Deno.test(`${tier} seals without that a secret decides anything`, () => {
    assert.deepEqual(findSecretUses(code, "seal"), []);
  });

  Deno.test(`${tier} opens so that only one thing decides: whether the whole tag is right`, () => {
    const uses = findSecretUses(code, "open");
    assert.deepEqual(uses.map(({ what, mnemonic }) => [what, mnemonic]), [["jump", "jne"]]);
    // Both halves of the difference were put together before.
    const index = code.placed.findIndex((each) => each.at === uses[0]?.at);
    const before = code.placed.slice(index - 4, index).map(({ instruction: { mnemonic } }) => mnemonic);
    assert.deepEqual(before, ["xor", "xor", "or", "mov"]);
  });
}

/** @returns what is found in code that somebody writes */
function usesIn(write: (x: Mnemonics, assembler: Assembler) => void): readonly SecretUse["what"][] {
  const assembler = new Assembler();
  assembler.label("here");
  write(assembler.x, assembler);
  for (const register of [rax, rcx, rsi, rdi, r8]) assembler.x.xor(register, register);
  assembler.label("end");
  assembler.x.vzeroall();
  assembler.x.ret();
  const publicRanges = [{ from: NATIVE_CONTEXT.NONCE_PREFIX, to: NATIVE_CONTEXT.SCRATCH }];
  return findSecretUses({ ...assembler.finish(), publicRanges }, "here").map(({ what }) => what);
}

Deno.test("findSecretUses() finds every kind of use, and nothing else", () => {
  const cases: readonly (readonly [readonly SecretUse["what"][], (x: Mnemonics, a: Assembler) => void])[] = [
    [[], (x) => x.mov(rax, KEY)],
    [["address"], (x) => {
      x.mov(rax, KEY);
      x.mov(rcx, at(rbx, 0, rax));
    }],
    [["jump"], (x, a) => {
      x.mov(rax, KEY);
      x.mov(rcx, COUNT);
      x.add(rcx, rax);
      x.je("there");
      a.label("there");
    }],
    [[], (x, a) => {
      x.mov(rax, KEY);
      x.mov(rcx, COUNT);
      x.test(rcx, rcx);
      x.je("there");
      a.label("there");
    }],
    // A secret that comes round by a loop.
    [["jump"], (x, a) => {
      x.xor(rcx, rcx);
      a.label("there");
      x.test(rcx, rcx);
      x.mov(rcx, KEY);
      x.jne("there");
    }],
    [["repetition"], (x) => {
      x.mov(rcx, KEY);
      x.rep_stosb();
    }],
    [["public place"], (x) => {
      x.mov(rax, KEY);
      x.mov(COUNT, rax);
    }],
    [["stack"], (x) => {
      x.mov(rax, KEY);
      x.push(rax);
    }],
    [["return"], (x) => {
      x.mov(rax, KEY);
      x.kmovq(k(1), rax);
    }],
    [["return"], (x) => x.vmovdqa64(zmm(16), KEY)],
    [[], (x) => x.vmovdqa64(zmm(15), KEY)],
    // Flags that a conditional move goes by make its result a secret, which then decides.
    [["address"], (x) => {
      x.mov(rax, KEY);
      x.test(rax, rax);
      x.cmove(rcx, COUNT);
      x.mov(rsi, at(rcx));
    }],
    // Text is secret, constants and tables are not.
    [["address"], (x) => {
      x.mov(rsi, COUNT);
      x.mov(rdi, at(rsi));
      x.mov(rdi, at(rdi));
    }],
    [[], (x) => {
      x.lea(rsi, atLabel("end"));
      x.mov(rdi, at(rsi));
      x.mov(rdi, at(rdi));
    }],
  ];
  for (const [i, [expected, write]] of cases.entries()) {
    // A secret that decided is still in the flags, unless it was overwritten.
    assert.deepEqual(usesIn(write), expected, `case ${i}`);
  }
});

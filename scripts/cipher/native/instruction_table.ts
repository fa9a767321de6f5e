/**
 * The instructions of x86-64 that the native cipher is made of, as Intel's manual writes them (SDM volume 2, columns
 * "Opcode" and "Instruction"; §3.1.1 explains both).
 *
 * Operands stand in the manual's order. The one that may be in memory, or else the last register, goes to ModRM.rm; the
 * others to ModRM.reg, unless a digit is there, and VEX.vvvv. `{k}` takes a mask. A memory operand's size is what a
 * displacement of one byte counts in under EVEX (§2.7.5).
 *
 * @module
 */

/** One form a line: opcode, then operands. Where an instruction has several, the first that fits is taken. */
export const INSTRUCTIONS = {
  // Integers.
  mov: [
    "REX.W + 8B /r | r64, r/m64",
    "REX.W + 89 /r | m64, r64",
    "8B /r | r32, r/m32",
    "89 /r | m32, r32",
    "REX.W + C7 /0 id | r/m64, imm32",
  ],
  lea: ["REX.W + 8D /r | r64, m64"],
  add: ["REX.W + 03 /r | r64, r/m64", "REX.W + 83 /0 ib | r/m64, imm8", "REX.W + 81 /0 id | r/m64, imm32"],
  or: ["REX.W + 0B /r | r64, r/m64", "REX.W + 83 /1 ib | r/m64, imm8", "REX.W + 81 /1 id | r/m64, imm32"],
  adc: ["REX.W + 13 /r | r64, r/m64", "REX.W + 83 /2 ib | r/m64, imm8", "REX.W + 81 /2 id | r/m64, imm32"],
  and: ["REX.W + 23 /r | r64, r/m64", "REX.W + 83 /4 ib | r/m64, imm8", "REX.W + 81 /4 id | r/m64, imm32"],
  sub: ["REX.W + 2B /r | r64, r/m64", "REX.W + 83 /5 ib | r/m64, imm8", "REX.W + 81 /5 id | r/m64, imm32"],
  xor: ["REX.W + 33 /r | r64, r/m64", "33 /r | r32, r/m32"],
  cmp: ["REX.W + 3B /r | r64, r/m64", "REX.W + 83 /7 ib | r/m64, imm8", "REX.W + 81 /7 id | r/m64, imm32"],
  test: ["REX.W + 85 /r | r/m64, r64"],
  shl: ["REX.W + C1 /4 ib | r/m64, imm8"],
  shr: ["REX.W + C1 /5 ib | r/m64, imm8"],
  imul: ["REX.W + 0F AF /r | r64, r/m64"],
  mulx: ["VEX.LZ.F2.0F38.W1 F6 /r | r64, r64, r/m64"],
  bzhi: ["VEX.LZ.0F38.W1 F5 /r | r64, r/m64, r64"],
  cmovb: ["REX.W + 0F 42 /r | r64, r/m64"],
  cmove: ["REX.W + 0F 44 /r | r64, r/m64"],
  cmovne: ["REX.W + 0F 45 /r | r64, r/m64"],
  push: ["50+rd | r64"],
  pop: ["58+rd | r64"],
  rep_movsb: ["F3 A4 |"],
  rep_stosb: ["F3 AA |"],
  ret: ["C3 |"],
  endbr64: ["F3 0F 1E FA |"],
  cpuid: ["0F A2 |"],
  xgetbv: ["0F 01 D0 |"],

  // Jumps.
  jmp: ["E9 cd | rel32"],
  jb: ["0F 82 cd | rel32"],
  jae: ["0F 83 cd | rel32"],
  je: ["0F 84 cd | rel32"],
  jne: ["0F 85 cd | rel32"],
  ja: ["0F 87 cd | rel32"],
  js: ["0F 88 cd | rel32"],
  jg: ["0F 8F cd | rel32"],

  // Floating point: numbers of messages come so from JavaScript.
  vcvttsd2si: ["VEX.LIG.F2.0F.W1 2C /r | r64, xmm/m64"],
  vcvtsi2sd: ["VEX.LIG.F2.0F.W1 2A /r | xmm, xmm, r/m64"],
  vucomisd: ["VEX.LIG.66.0F.WIG 2E /r | xmm, xmm/m64"],

  // Vectors of 256 and 512 bits.
  vpaddd: ["VEX.256.66.0F.WIG FE /r | ymm, ymm, ymm/m256", "EVEX.512.66.0F.W0 FE /r | zmm{k}, zmm, zmm/m512"],
  vpaddq: ["VEX.256.66.0F.WIG D4 /r | ymm, ymm, ymm/m256", "EVEX.512.66.0F.W1 D4 /r | zmm{k}, zmm, zmm/m512"],
  vpunpckldq: [
    "VEX.256.66.0F.WIG 62 /r | ymm, ymm, ymm/m256",
    "EVEX.512.66.0F.W0 62 /r | zmm{k}, zmm, zmm/m512",
  ],
  vpunpckhdq: [
    "VEX.256.66.0F.WIG 6A /r | ymm, ymm, ymm/m256",
    "EVEX.512.66.0F.W0 6A /r | zmm{k}, zmm, zmm/m512",
  ],
  vpunpcklqdq: [
    "VEX.256.66.0F.WIG 6C /r | ymm, ymm, ymm/m256",
    "EVEX.512.66.0F.W1 6C /r | zmm{k}, zmm, zmm/m512",
  ],
  vpunpckhqdq: [
    "VEX.256.66.0F.WIG 6D /r | ymm, ymm, ymm/m256",
    "EVEX.512.66.0F.W1 6D /r | zmm{k}, zmm, zmm/m512",
  ],
  vpbroadcastd: ["VEX.256.66.0F38.W0 58 /r | ymm, xmm/m32", "EVEX.512.66.0F38.W0 58 /r | zmm{k}, xmm/m32"],
  vzeroall: ["VEX.256.0F.WIG 77 |"],

  // Of 256 bits alone.
  vmovdqa: ["VEX.256.66.0F.WIG 6F /r | ymm, ymm/m256", "VEX.256.66.0F.WIG 7F /r | m256, ymm"],
  vmovdqu: ["VEX.256.F3.0F.WIG 6F /r | ymm, ymm/m256", "VEX.256.F3.0F.WIG 7F /r | m256, ymm"],
  vpxor: ["VEX.256.66.0F.WIG EF /r | ymm, ymm, ymm/m256"],
  vpor: ["VEX.256.66.0F.WIG EB /r | ymm, ymm, ymm/m256"],
  vpshufb: ["VEX.256.66.0F38.WIG 00 /r | ymm, ymm, ymm/m256"],
  vpslld: ["VEX.256.66.0F.WIG 72 /6 ib | ymm, ymm, imm8"],
  vpsrld: ["VEX.256.66.0F.WIG 72 /2 ib | ymm, ymm, imm8"],
  vperm2i128: ["VEX.256.66.0F3A.W0 46 /r ib | ymm, ymm, ymm/m256, imm8"],

  // Of 512 bits alone.
  vmovdqa64: ["EVEX.512.66.0F.W1 6F /r | zmm{k}, zmm/m512", "EVEX.512.66.0F.W1 7F /r | m512{k}, zmm"],
  vmovdqu64: ["EVEX.512.F3.0F.W1 6F /r | zmm{k}, zmm/m512", "EVEX.512.F3.0F.W1 7F /r | m512{k}, zmm"],
  vmovdqu8: ["EVEX.512.F2.0F.W0 6F /r | zmm{k}, zmm/m512", "EVEX.512.F2.0F.W0 7F /r | m512{k}, zmm"],
  vpxord: ["EVEX.512.66.0F.W0 EF /r | zmm{k}, zmm, zmm/m512"],
  vpandq: ["EVEX.512.66.0F.W1 DB /r | zmm{k}, zmm, zmm/m512"],
  vporq: ["EVEX.512.66.0F.W1 EB /r | zmm{k}, zmm, zmm/m512"],
  vprold: ["EVEX.512.66.0F.W0 72 /1 ib | zmm{k}, zmm/m512, imm8"],
  vpsrlq: ["EVEX.512.66.0F.W1 73 /2 ib | zmm{k}, zmm/m512, imm8"],
  vpsllq: ["EVEX.512.66.0F.W1 73 /6 ib | zmm{k}, zmm/m512, imm8"],
  vpshrdq: ["EVEX.512.66.0F3A.W1 73 /r ib | zmm{k}, zmm, zmm/m512, imm8"],
  vshufi64x2: ["EVEX.512.66.0F3A.W1 43 /r ib | zmm{k}, zmm, zmm/m512, imm8"],
  vpmadd52luq: ["EVEX.512.66.0F38.W1 B4 /r | zmm{k}, zmm, zmm/m512"],
  vpmadd52huq: ["EVEX.512.66.0F38.W1 B5 /r | zmm{k}, zmm, zmm/m512"],
  vpbroadcastq: ["EVEX.512.66.0F38.W1 59 /r | zmm{k}, xmm/m64"],
  vpcmpuq: ["EVEX.512.66.0F3A.W1 1E /r ib | k{k}, zmm, zmm/m512, imm8"],
  kmovq: ["VEX.L0.F2.0F.W1 92 /r | k, r64"],
  kxorq: ["VEX.L1.0F.W1 47 /r | k, k, k"],
} as const;

/** The name of an instruction. */
export type Mnemonic = keyof typeof INSTRUCTIONS;

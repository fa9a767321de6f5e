/**
 * Encodes instructions (SDM volume 2, §2.1 to §2.3 and §2.7).
 *
 *     legacy   [F3] [REX] opcode          [ModRM [SIB] [displacement]] [immediate]
 *     VEX      C5 or C4, 1 or 2 bytes, opcode  ModRM ...
 *     EVEX     62, 3 bytes, opcode             ModRM ...
 *
 * @module
 */

import { formFor, type InstructionForm } from "./instruction_form.ts";
import type { Mnemonic } from "./instruction_table.ts";
import { isMemory, isRegister, type Memory, type Operand, type Register } from "./operands.ts";

/** An instruction that is ready to be placed. */
export interface Instruction {
  readonly mnemonic: Mnemonic;
  readonly operands: readonly Operand[];
  readonly bytes: readonly number[];
  /** Where four bytes stand that lead to a label, from the end of the instruction; none where there is no label. */
  readonly distanceAt?: number;
  readonly label?: string;
}

/** @throws TypeError when the instruction does not take these operands */
export function encode(mnemonic: Mnemonic, operands: readonly Operand[]): Instruction {
  const form = formFor(mnemonic, operands);
  const fields = assignFields(form, operands);
  const head = form.encoding === "legacy"
    ? legacyHead(form, fields)
    : form.encoding === "VEX"
    ? vexHead(form, fields)
    : evexHead(form, fields);
  const scale = form.encoding === "EVEX" ? form.operands[form.rmIndex]?.memoryBytes ?? 1 : 1;
  const place = form.hasModrm ? modrm(fields.reg, fields.rm, scale) : [];
  const bytes = [...head, ...place, ...fields.immediate];
  const label = isMemory(fields.rm) ? fields.rm.label : operands.find((each) => typeof each === "string");
  if (label === undefined) return { mnemonic, operands, bytes };
  const distanceAt = bytes.length - (isMemory(fields.rm) ? fields.immediate.length : 0) - 4;
  return { mnemonic, operands, bytes, distanceAt, label };
}

/** Where the operands go. */
interface Fields {
  readonly reg: number;
  readonly vvvv: number;
  readonly rm: Register | Memory | undefined;
  readonly masked: Register | Memory | undefined;
  readonly immediate: readonly number[];
}

function assignFields(form: InstructionForm, operands: readonly Operand[]): Fields {
  const { digit, rmIndex } = form;
  const rm = operands[rmIndex];
  const [first, second] = operands.filter((operand, i) => isRegister(operand) && i !== rmIndex) as Register[];
  const immediate = operands.flatMap((operand, i) => {
    if (typeof operand === "string") return int32(0);
    if (typeof operand !== "number") return [];
    return form.operands[i]?.immediateBytes === 1 ? [operand & 255] : int32(operand);
  });
  return {
    reg: digit ?? first?.number ?? 0,
    vvvv: (digit === undefined ? second : first)?.number ?? 0,
    rm: isRegister(rm) || isMemory(rm) ? rm : undefined,
    masked: operands.find((operand): operand is Register | Memory =>
      typeof operand === "object" && operand.mask !== undefined
    ),
    immediate,
  };
}

function legacyHead(form: InstructionForm, { reg, rm }: Fields): number[] {
  const { base, index } = numbers(rm);
  const rex = (form.isWide ? 8 : 0) | bit(reg, 3) << 2 | bit(index, 3) << 1 | bit(base, 3);
  const opcode = form.isInOpcode ? [(form.opcode[0] ?? 0) | (base & 7)] : form.opcode;
  return [...rex === 0 ? [] : [0x40 | rex], ...opcode];
}

function vexHead(form: InstructionForm, { reg, vvvv, rm }: Fields): number[] {
  const { base, index } = numbers(rm);
  const last = (~vvvv & 15) << 3 | form.lengthBits << 2 | form.prefixBits;
  // The short form has no room for what is above bit 3 of rm, for W, nor for another map.
  return form.mapBits === 1 && !form.isWide && bit(index, 3) === 0 && bit(base, 3) === 0
    ? [0xc5, not(bit(reg, 3)) << 7 | last, ...form.opcode]
    : [
      0xc4,
      not(bit(reg, 3)) << 7 | not(bit(index, 3)) << 6 | not(bit(base, 3)) << 5 | form.mapBits,
      (form.isWide ? 0x80 : 0) | last,
      ...form.opcode,
    ];
}

function evexHead(form: InstructionForm, { reg, vvvv, rm, masked }: Fields): number[] {
  const { base, index } = numbers(rm);
  // A register in rm has its highest bit where an index has bit 3.
  const x = isMemory(rm) ? bit(index, 3) : bit(base, 4);
  return [
    0x62,
    not(bit(reg, 3)) << 7 | not(x) << 6 | not(bit(base, 3)) << 5 | not(bit(reg, 4)) << 4 | form.mapBits,
    (form.isWide ? 0x80 : 0) | (~vvvv & 15) << 3 | 4 | form.prefixBits,
    (masked?.zeroing ? 0x80 : 0) | form.lengthBits << 5 | not(bit(vvvv, 4)) << 3 | (masked?.mask ?? 0),
    ...form.opcode,
  ];
}

/** ModRM, SIB and displacement; one of a single byte counts in units of `scale`. */
function modrm(reg: number, rm: Register | Memory | undefined, scale: number): number[] {
  const field = (reg & 7) << 3;
  if (!isMemory(rm)) return [0xc0 | field | ((rm?.number ?? 0) & 7)];
  const { base, index, displacement } = rm;
  if (base === undefined) return [field | 5, ...int32(0)];
  const needsSib = index !== undefined || (base.number & 7) === 4;
  const sib = needsSib
    ? [Math.log2(rm.scale) << 6 | ((index?.number ?? 4) & 7) << 3 | (base.number & 7)]
    : [];
  const low = field | (needsSib ? 4 : base.number & 7);
  // Without a displacement, rbp and r13 would mean something else.
  if (displacement === 0 && (base.number & 7) !== 5) return [low, ...sib];
  const units = displacement / scale;
  return Number.isInteger(units) && units >= -128 && units < 128
    ? [0x40 | low, ...sib, units & 255]
    : [0x80 | low, ...sib, ...int32(displacement)];
}

function numbers(rm: Register | Memory | undefined): { readonly base: number; readonly index: number } {
  return isMemory(rm)
    ? { base: rm.base?.number ?? 0, index: rm.index?.number ?? 0 }
    : { base: rm?.number ?? 0, index: 0 };
}

function bit(value: number, index: number): number {
  return (value >> index) & 1;
}

function not(value: number): number {
  return value ^ 1;
}

function int32(value: number): number[] {
  return [value & 255, (value >> 8) & 255, (value >> 16) & 255, (value >> 24) & 255];
}

/**
 * Reads the notation of `INSTRUCTIONS`.
 * @module
 */

import { INSTRUCTIONS, type Mnemonic } from "./instruction_table.ts";
import { isMemory, isRegister, type Operand, type RegisterKind } from "./operands.ts";

/** What may stand in one place of an instruction. */
export interface OperandPattern {
  readonly text: string;
  /** What kind of register, of how many bytes; none where only memory or a number fits. */
  readonly register?: { readonly kind: RegisterKind; readonly bytes: number };
  /** How many bytes it has in memory; 0 where it can't be there. */
  readonly memoryBytes: number;
  /** How many bytes a number has; 0 where it is none. */
  readonly immediateBytes: 0 | 1 | 4;
  readonly isRelative: boolean;
  readonly takesMask: boolean;
}

/** One way to encode an instruction. */
export interface InstructionForm {
  readonly encoding: "legacy" | "VEX" | "EVEX";
  /** VEX.L or EVEX.L'L. */
  readonly lengthBits: 0 | 1 | 2;
  /** Which of no prefix, 66, F3 and F2 VEX and EVEX stand for, and which of the maps 0F, 0F38 and 0F3A. */
  readonly prefixBits: number;
  readonly mapBits: number;
  /** REX.W, VEX.W or EVEX.W. */
  readonly isWide: boolean;
  readonly opcode: readonly number[];
  /** What stands in ModRM.reg where no operand does. */
  readonly digit?: number;
  readonly hasModrm: boolean;
  /** A register's number is added to the last byte of the opcode. */
  readonly isInOpcode: boolean;
  readonly operands: readonly OperandPattern[];
  /** Which operand goes to ModRM.rm; -1 for none. */
  readonly rmIndex: number;
}

const LENGTHS: Readonly<Record<string, 0 | 1 | 2>> = { LZ: 0, L0: 0, LIG: 0, L1: 1, 256: 1, 512: 2 };
const PREFIXES: Readonly<Record<string, number>> = { 66: 1, F3: 2, F2: 3 };
const MAPS: Readonly<Record<string, number>> = { "0F": 1, "0F38": 2, "0F3A": 3 };
const VECTOR_BYTES: Readonly<Record<string, number>> = { xmm: 16, ymm: 32, zmm: 64 };

/** All forms of all instructions. */
export const FORMS: ReadonlyMap<string, readonly InstructionForm[]> = new Map(
  Object.entries(INSTRUCTIONS).map(([mnemonic, rows]) => [mnemonic, rows.map(parseForm)]),
);

/**
 * Finds the form that takes these operands.
 * @throws TypeError when none does
 */
export function formFor(mnemonic: Mnemonic, operands: readonly Operand[]): InstructionForm {
  const form = FORMS.get(mnemonic)?.find((each) =>
    each.operands.length === operands.length &&
    each.operands.every((pattern, i) => fits(each, pattern, operands[i]))
  );
  if (form === undefined) throw new TypeError(`Cannot encode ${mnemonic}: no form takes its operands`);
  return form;
}

function fits(form: InstructionForm, pattern: OperandPattern, operand: Operand | undefined): boolean {
  if (typeof operand === "string") return pattern.isRelative;
  if (typeof operand === "number") {
    const limit = 2 ** (8 * pattern.immediateBytes - 1);
    // Integers extend its sign; what selects among elements has none.
    const most = form.encoding === "legacy" ? limit : 2 * limit;
    return pattern.immediateBytes > 0 && Number.isInteger(operand) && operand >= -limit && operand < most;
  }
  if (isMemory(operand)) return pattern.memoryBytes > 0 && (operand.mask === undefined || pattern.takesMask);
  if (!isRegister(operand) || pattern.register === undefined) return false;
  const { kind, bytes } = pattern.register;
  return operand.kind === kind && operand.bytes === bytes &&
    (operand.mask === undefined || pattern.takesMask);
}

function parseForm(row: string): InstructionForm {
  const [code = "", list = ""] = row.split("|").map((part) => part.trim());
  const operands = list === "" ? [] : list.split(", ").map(parsePattern);
  const words = code.split(" ").filter((word) => word !== "+");
  const [first = ""] = words;
  const [encoding, ...fields] = first.split(".");
  const isVector = encoding === "VEX" || encoding === "EVEX";
  const inMemory = operands.findIndex(({ memoryBytes }) => memoryBytes > 0);
  const digit = words.find((word) => /^\/\d$/.test(word));
  const field = <T>(among: Readonly<Record<string, T>>) =>
    fields.map((name) => among[name]).find((value) => value !== undefined);
  return {
    encoding: isVector ? encoding : "legacy",
    lengthBits: field(LENGTHS) ?? 0,
    prefixBits: field(PREFIXES) ?? 0,
    mapBits: field(MAPS) ?? 0,
    isWide: fields.includes("W") || fields.includes("W1"),
    opcode: words.filter((word) => /^[0-9A-F]{2}(\+rd)?$/.test(word)).map((byte) => parseInt(byte, 16)),
    ...digit !== undefined && { digit: Number(digit.slice(1)) },
    hasModrm: digit !== undefined || words.includes("/r"),
    isInOpcode: words.some((word) => word.endsWith("+rd")),
    operands,
    rmIndex: inMemory >= 0 ? inMemory : operands.findLastIndex(({ register }) => register !== undefined),
  };
}

function parsePattern(text: string): OperandPattern {
  const [name = ""] = text.split("{");
  const [inRegister = "", inMemory = ""] = name.startsWith("m") ? ["", name] : name.split("/");
  const bits = /\d+$/.exec(name)?.[0] ?? "0";
  const register = inRegister === "k"
    ? { kind: "mask", bytes: 8 } as const
    : inRegister in VECTOR_BYTES
    ? { kind: "vector", bytes: VECTOR_BYTES[inRegister] ?? 0 } as const
    : /^r(\d|$)/.test(inRegister)
    ? { kind: "general", bytes: Number(bits) / 8 } as const
    : undefined;
  return {
    text,
    ...register !== undefined && { register },
    memoryBytes: inMemory === "" ? 0 : Number(bits) / 8,
    immediateBytes: name === "imm8" ? 1 : name === "imm32" ? 4 : 0,
    isRelative: name === "rel32",
    takesMask: text.endsWith("{k}"),
  };
}

/**
 * What instructions of x86-64 work on: registers, places in memory, numbers.
 * @module
 */

/** What a register is for. */
export type RegisterKind = "general" | "vector" | "mask";

/** What is written may carry a mask. */
interface Maskable {
  /** The mask register that says which elements are written, 1 to 7. */
  readonly mask?: number;
  /** Elements that are not written become zeroes, where they else keep their value. */
  readonly zeroing?: boolean;
}

/** A register. */
export interface Register extends Maskable {
  readonly kind: RegisterKind;
  readonly number: number;
  /** How much of it an instruction works on. */
  readonly bytes: number;
}

/** A place in memory: `base + index × scale + displacement`, or a label of the code itself. */
export interface Memory extends Maskable {
  readonly kind: "memory";
  readonly base?: Register;
  readonly index?: Register;
  readonly scale: 1 | 2 | 4 | 8;
  readonly displacement: number;
  /** Counted from the instruction that comes next (SDM volume 2, §2.2.1.6), so that the code may stand anywhere. */
  readonly label?: string;
}

/** One operand, in the order in which the manual writes them; a label is where a jump goes. */
export type Operand = Register | Memory | number | string;

function general(number: number): Register {
  return { kind: "general", number, bytes: 8 };
}

/** The general registers, numbered as instructions number them. */
export const rax: Register = general(0);
/** See `rax`. */
export const rcx: Register = general(1);
/** See `rax`. */
export const rdx: Register = general(2);
/** See `rax`. */
export const rbx: Register = general(3);
/** See `rax`. */
export const rsp: Register = general(4);
/** See `rax`. */
export const rbp: Register = general(5);
/** See `rax`. */
export const rsi: Register = general(6);
/** See `rax`. */
export const rdi: Register = general(7);
/** See `rax`. */
export const r8: Register = general(8);
/** See `rax`. */
export const r9: Register = general(9);
/** See `rax`. */
export const r10: Register = general(10);
/** See `rax`. */
export const r11: Register = general(11);
/** See `rax`. */
export const r12: Register = general(12);
/** See `rax`. */
export const r13: Register = general(13);
/** See `rax`. */
export const r14: Register = general(14);
/** See `rax`. */
export const r15: Register = general(15);

/** @returns the lower half of a general register; what is written there clears the upper one */
export function low32(register: Register): Register {
  return { ...register, bytes: 4 };
}

/** @returns a vector register of 128 bits */
export function xmm(number: number): Register {
  return { kind: "vector", number, bytes: 16 };
}

/** @returns a vector register of 256 bits */
export function ymm(number: number): Register {
  return { kind: "vector", number, bytes: 32 };
}

/** @returns a vector register of 512 bits */
export function zmm(number: number): Register {
  return { kind: "vector", number, bytes: 64 };
}

/** @returns a mask register */
export function k(number: number): Register {
  return { kind: "mask", number, bytes: 8 };
}

/** @returns `operand`, of which only those elements are written that the mask has ones for */
export function masked<T extends Register | Memory>(operand: T, mask: Register, zeroing = false): T {
  return { ...operand, mask: mask.number, zeroing };
}

/** @returns the memory at `base + displacement + index × scale` */
export function at(
  base: Register,
  displacement: number = 0,
  index: Register | undefined = undefined,
  scale: 1 | 2 | 4 | 8 = 1,
): Memory {
  return { kind: "memory", base, displacement, scale, ...index !== undefined && { index } };
}

/** @returns the memory at a label of the code */
export function atLabel(label: string): Memory {
  return { kind: "memory", displacement: 0, scale: 1, label };
}

/** @returns whether an operand is a register */
export function isRegister(operand: Operand | undefined): operand is Register {
  return typeof operand === "object" && operand.kind !== "memory";
}

/** @returns whether an operand is in memory */
export function isMemory(operand: Operand | undefined): operand is Memory {
  return typeof operand === "object" && operand.kind === "memory";
}

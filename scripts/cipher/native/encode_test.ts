// deno-lint-ignore-file no-console -- the reason of a skipped test belongs in the output
/**
 * Tests of the assembler: a disassembler that others wrote reads every form of every instruction, and every instruction of
 * the emitted code, as what was meant.
 * @module
 */

import assert from "node:assert/strict";
import {
  Assembler,
  at,
  atLabel,
  emitNativeCode,
  FORMS,
  isMemory,
  isRegister,
  k,
  masked,
  type Memory,
  type Mnemonic,
  type Operand,
  type OperandPattern,
  type PlacedInstruction,
  r10,
  r12,
  r13,
  r15,
  r8,
  rax,
  rbp,
  rbx,
  rcx,
  rdi,
  type Register,
  rsp,
} from "./mod.ts";

const GENERAL_64 = "rax rcx rdx rbx rsp rbp rsi rdi r8 r9 r10 r11 r12 r13 r14 r15".split(" ");
const GENERAL_32 = "eax ecx edx ebx esp ebp esi edi r8d r9d r10d r11d r12d r13d r14d r15d".split(" ");
const VECTORS: Readonly<Record<number, string>> = { 16: "xmm", 32: "ymm", 64: "zmm" };
/** Every shape of an address: without and with displacements of one and four bytes, indices, registers that need SIB. */
const PLACES: readonly Memory[] = [
  at(rbx),
  at(rbp),
  at(rsp, 8),
  at(r12, 64),
  at(r13),
  at(r15, 4096),
  at(rdi, -128),
  at(rbx, 96, rcx, 8),
  at(r13, 65, r10, 4),
  at(rax, -8192, r15),
  at(r8, 128, rbp, 2),
];

function show(operand: Operand): string {
  if (typeof operand === "number") return hex(operand);
  if (isRegister(operand)) return showRegister(operand);
  if (!isMemory(operand)) return operand;
  const { base, index, scale, displacement } = operand;
  const indexed = index === undefined ? "" : `+${showRegister(index)}*${scale}`;
  return `[${base === undefined ? "rip" : showRegister(base)}${indexed}${signed(displacement)}]${
    showMask(operand)
  }`;
}

function showRegister(register: Register): string {
  const { kind, number, bytes } = register;
  const name = kind === "general"
    ? (bytes === 8 ? GENERAL_64 : GENERAL_32)[number]
    : `${kind === "mask" ? "k" : VECTORS[bytes]}${number}`;
  return `${name}${showMask(register)}`;
}

function showMask({ mask, zeroing = false }: Register | Memory): string {
  return `${mask === undefined ? "" : `{k${mask}}`}${zeroing ? "{z}" : ""}`;
}

function hex(value: number): string {
  return `0x${BigInt.asUintN(64, BigInt(value)).toString(16)}`;
}

function signed(value: number): string {
  return value === 0 ? "" : value < 0 ? `-${hex(-value)}` : `+${hex(value)}`;
}

/** What `objdump` makes of code, a line each: where it is, and what. */
async function disassemble(code: Uint8Array): Promise<readonly (readonly [at: number, text: string])[]> {
  const file = await Deno.makeTempFile();
  try {
    await Deno.writeFile(file, code);
    const args = "-D -b binary -m i386:x86-64 -M intel --no-show-raw-insn -w".split(" ");
    const { stdout, success } = await new Deno.Command("objdump", { args: [...args, file] }).output();
    assert.ok(success);
    return new TextDecoder().decode(stdout).split("\n").flatMap((line) => {
      const [, place, text] = /^\s*([0-9a-f]+):\s+(.*)$/.exec(line) ?? [];
      return place === undefined || text === undefined ? [] : [[parseInt(place, 16), normal(text)] as const];
    });
  } finally {
    await Deno.remove(file);
  }
}

/** One spelling for both. */
function normal(text: string): string {
  const compared: Readonly<Record<string, number>> = { lt: 1, nlt: 5, nle: 6 };
  return text
    .replace(/\s+#.*$/, "")
    .replace(/\b([XYZ]MM|Q|D)?(WORD|BYTE) PTR /g, "")
    .replace(/^rep (movs|stos) .*$/, "rep_$1b")
    .replace(/\*1\b/g, "")
    .replace(/\+0x0\]/, "]")
    .replace(
      /^vpcmp(lt|nlt|nle)uq(\s.*)$/,
      (_, how: string, rest: string) => `vpcmpuq${rest},${hex(compared[how] ?? 0)}`,
    )
    .replace(/\s+/g, " ")
    .trim();
}

function expectedText({ at: start, instruction }: PlacedInstruction, code: Uint8Array): string {
  const { mnemonic, operands, bytes, distanceAt } = instruction;
  const end = start + bytes.length, view = new DataView(code.buffer);
  const shown = operands.map((operand) => {
    if (distanceAt === undefined) return show(operand);
    const distance = view.getInt32(start + distanceAt, true);
    if (typeof operand === "string") return hex(end + distance);
    return isMemory(operand) && operand.label !== undefined ? `[rip${signed(distance)}]` : show(operand);
  });
  return normal(`${mnemonic} ${shown.join(",")}`);
}

async function assertReadAsMeant(placed: readonly PlacedInstruction[], code: Uint8Array): Promise<void> {
  const read = new Map(await disassemble(code));
  // What stands between functions, and behind them, is no instruction of ours.
  for (const each of placed) {
    const meant = expectedText(each, code), found = read.get(each.at);
    // Memory of 32 bits is how the manual calls what is not said.
    assert.equal(found, meant, `at ${hex(each.at)}: ${each.instruction.bytes.map(hex).join(" ")}`);
  }
}

/** Operands that a place of an instruction takes; `turn` chooses among registers. */
function samples(pattern: OperandPattern, turn: number, isWide: boolean): Operand[] {
  const { register, memoryBytes, immediateBytes, takesMask } = pattern;
  if (immediateBytes > 0) return [immediateBytes === 1 ? 1 + (turn * 5) % 120 : 0x12345 + turn];
  if (pattern.isRelative) return ["there"];
  const registers: Operand[] = [];
  if (register !== undefined) {
    const count = register.kind === "mask" ? 8 : isWide ? 32 : 16;
    for (const step of [0, 7, 11, 13]) {
      registers.push({ ...register, number: (turn * 5 + step * 3) % count });
    }
    const [first] = registers;
    if (takesMask && isRegister(first)) registers.push(masked(first, k(1 + turn % 7)));
    if (takesMask && register.kind === "vector" && isRegister(first)) {
      registers.push(masked(first, k(2), true));
    }
  }
  const memory = memoryBytes === 0 ? [] : [...PLACES, atLabel("there")];
  const canMask = takesMask && register === undefined;
  return [...registers, ...memory, ...canMask ? PLACES.map((place, i) => masked(place, k(1 + i % 7))) : []];
}

const OBJDUMP = await new Deno.Command("objdump", { args: ["--version"] }).output().then(
  () => true,
  () => false,
);

function withObjdump(name: string, test: () => Promise<void>): void {
  if (!OBJDUMP) console.log(`skipped: ${name}: needs the program objdump`);
  Deno.test(name, { ignore: !OBJDUMP }, test);
}

withObjdump("objdump reads every form of every instruction as what was meant", async () => {
  const assembler = new Assembler();
  let count = 0;
  for (const [mnemonic, forms] of FORMS) {
    for (const form of forms) {
      const isWide = form.encoding === "EVEX";
      const choices = form.operands.map((pattern, i) => samples(pattern, count + i, isWide));
      const most = Math.max(1, ...choices.map(({ length }) => length));
      for (let i = 0; i < most; i++) {
        // `bzhi rsp, …` and the like are instructions, too; an index is never rsp, and none is here.
        const operands = choices.map((each, place) =>
          each[(i + (each.length < most ? place : 0)) % each.length] ?? 0
        );
        assembler.x[mnemonic as Mnemonic](...operands);
        count++;
      }
    }
  }
  assembler.label("there");
  const { code, placed } = assembler.finish();
  await assertReadAsMeant(placed, code);
  assert.ok(count > 500, `${count}`);
});

for (const [name, { code, placed }] of Object.entries(emitNativeCode())) {
  withObjdump(`objdump reads all instructions of ${name} as what was meant`, async () => {
    await assertReadAsMeant(placed, code);
  });
}

Deno.test("Assembler refuses what it can't encode, and labels that are nowhere or twice", () => {
  const a = new Assembler();
  assert.throws(() => a.x.add(rax, "there"), TypeError);
  assert.throws(() => a.x.add(rax, 2 ** 31), TypeError);
  assert.throws(() => a.x.vpaddd(rax, rax, rax), TypeError);
  assert.throws(() => a.capture(() => a.x.jmp("there")), TypeError);
  a.x.jmp("there");
  assert.throws(() => a.finish(), /Cannot find the label there/);
  a.label("there");
  a.finish();
  a.label("there");
  assert.throws(() => a.finish(), /twice/);
});

Deno.test("Assembler.weave() keeps each stream's order, and spreads it over the whole", () => {
  const a = new Assembler();
  const long = a.capture(() => {
    for (let i = 0; i < 8; i++) a.x.mov(rax, i);
  });
  const short = a.capture(() => {
    for (let i = 0; i < 4; i++) a.x.mov(rbx, 100 + i);
  });
  a.weave(long, short);
  const numbers = a.finish().placed.map(({ instruction }) => instruction.operands[1] as number);
  assert.deepEqual(numbers, [0, 100, 1, 2, 101, 3, 4, 102, 5, 6, 103, 7]);
});

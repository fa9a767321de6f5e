/**
 * Which queue of an interface a packet comes out of: a program that the kernel runs for each (Linux, TUNSETSTEERINGEBPF).
 *
 * Without one the kernel sends a flow out by the queue that its answers were written to, or by a hash that changes as such
 * flows come and go; a program is the only way in which a flow always has the same queue. It adds up the addresses, and of
 * TCP and UDP the ports, unless a packet is a fragment, which may have none.
 * @module
 */

import { errnoAt, loadLibc } from "../ffi/mod.ts";
import { HostError } from "../host_error.ts";

// linux/bpf.h
const BPF_PROG_LOAD = 5;
const BPF_PROG_TYPE_SOCKET_FILTER = 1;
const ATTRIBUTE_BYTES = 48;
const INSTRUCTION_BYTES = 8;
/** The number of bpf(2). */
const BPF_CALLS: Readonly<Record<string, number>> = { x86_64: 321, aarch64: 280 };

const SYMBOLS = {
  syscall: { parameters: ["i64", "i32", "buffer", "u32"], result: "i64" },
  __errno_location: { parameters: [], result: "pointer" },
} as const;

/** Operation, registers (destination below, source above), jump, number. */
type Instruction = readonly [operation: number, registers: number, jump: number, value: number];

// Instructions of eBPF (RFC 9669 §4, §5); LOAD reads the packet, in network order, to R0, and ends with 0 beyond it.
const [R0, R6, R7, R8, R9] = [0, 6, 7, 8, 9] as const;
const move = (to: number, from: number): Instruction => [0xbf, to | from << 4, 0, 0];
const set = (to: number, value: number): Instruction => [0xb7, to, 0, value];
const add = (to: number, from: number): Instruction => [0x0c, to | from << 4, 0, 0];
const times = (to: number, value: number): Instruction => [0x24, to, 0, value];
const and = (to: number, value: number): Instruction => [0x54, to, 0, value];
const shiftLeft = (to: number, bits: number): Instruction => [0x64, to, 0, bits];
const shiftRight = (to: number, bits: number): Instruction => [0x74, to, 0, bits];
const jump = (by: number): Instruction => [0x05, 0, by, 0];
const jumpIfEqual = (register: number, value: number, by: number): Instruction => [0x15, register, by, value];
const jumpIfAny = (register: number, bits: number, by: number): Instruction => [0x45, register, by, bits];
const loadByte = (at: number): Instruction => [0x30, 0, 0, at];
const loadHalf = (at: number): Instruction => [0x28, 0, 0, at];
const loadWord = (at: number): Instruction => [0x20, 0, 0, at];
const loadWordBehind = (register: number): Instruction => [0x40, register << 4, 0, 0];
const END: Instruction = [0x95, 0, 0, 0];

const [TCP, UDP] = [6, 17] as const;
/** More fragments, and where this one begins (RFC 791 §3.1). */
const FRAGMENT = 0x3fff;
/** An odd number with bits everywhere: its product mixes all of them into the upper half. */
const MIXING = 0x9e37_79b1 | 0;

/** R7 becomes itself, mixed, and a word of the packet. */
const addWord = (at: number): Instruction[] => [loadWord(at), times(R7, MIXING), add(R7, R0)];

/** @returns the program, whose result the kernel divides by the number of queues */
function spreading(): Instruction[] {
  const finish = [times(R7, MIXING), move(R0, R7), shiftRight(R0, 16), END];
  // R8 has the protocol, R9 where its header begins.
  const ports = [
    jumpIfEqual(R8, TCP, 2),
    jumpIfEqual(R8, UDP, 1),
    jump(3),
    loadWordBehind(R9),
    times(R7, MIXING),
    add(R7, R0),
  ];
  const ipv4 = [
    ...addWord(12),
    ...addWord(16),
    loadByte(9),
    move(R8, R0),
    loadByte(0),
    and(R0, 15),
    shiftLeft(R0, 2),
    move(R9, R0),
    loadHalf(6),
    jumpIfAny(R0, FRAGMENT, ports.length),
  ];
  const ipv6 = [
    ...[8, 12, 16, 20, 24, 28, 32, 36].flatMap(addWord),
    loadByte(6),
    move(R8, R0),
    set(R9, 40),
    jump(ipv4.length),
  ];
  return [
    move(R6, 1),
    set(R7, 0),
    loadByte(0),
    shiftRight(R0, 4),
    jumpIfEqual(R0, 6, 1),
    jump(ipv6.length),
    ...ipv6,
    ...ipv4,
    ...ports,
    ...finish,
  ];
}

/**
 * Loads a program into the kernel.
 * @param isSpread whether flows go to all queues, or all to the first
 * @returns its descriptor
 * @throws HostError when the kernel does not take it
 */
export function loadSteering(isSpread: boolean): number {
  const instructions = isSpread ? spreading() : [set(R0, 0), END];
  const code = new DataView(new ArrayBuffer(instructions.length * INSTRUCTION_BYTES));
  for (const [i, [operation, registers, by, value]] of instructions.entries()) {
    const at = i * INSTRUCTION_BYTES;
    code.setUint8(at, operation);
    code.setUint8(at + 1, registers);
    code.setInt16(at + 2, by, true);
    code.setInt32(at + 4, value, true);
  }
  const license = new TextEncoder().encode("\0");
  const attributes = new DataView(new ArrayBuffer(ATTRIBUTE_BYTES));
  attributes.setUint32(0, BPF_PROG_TYPE_SOCKET_FILTER, true);
  attributes.setUint32(4, instructions.length, true);
  attributes.setBigUint64(8, addressOf(new Uint8Array(code.buffer)), true);
  attributes.setBigUint64(16, addressOf(license), true);
  const number = BPF_CALLS[Deno.build.arch];
  if (number === undefined) throw new HostError(`Cannot steer packets: not on ${Deno.build.arch}`);
  const library = loadLibc(SYMBOLS, "Several workers need Linux with the GNU C library.");
  try {
    const bytes = new Uint8Array(attributes.buffer);
    const fd = Number(library.symbols.syscall(BigInt(number), BPF_PROG_LOAD, bytes, bytes.length));
    if (fd >= 0) return fd;
    const errno = errnoAt(library.symbols.__errno_location())[0] ?? 0;
    throw new HostError(`Cannot steer packets to several queues: error ${errno} of the kernel`);
  } finally {
    library.close();
  }
}

function addressOf(bytes: Uint8Array<ArrayBuffer>): bigint {
  return BigInt(Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes)));
}

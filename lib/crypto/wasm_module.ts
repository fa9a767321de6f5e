/**
 * The cipher's module, and instances of it with names and types.
 * @module
 */

import { BASELINE_BATCH_WASM } from "./batch/gen/baseline_batch_wasm.ts";

/** The first byte that is the host's; what stands before is the cipher's own (`assembly/layout.ts`). */
export const CIPHER_BYTES = 0x1_0000;
/** How many datagrams a batch holds at most. */
export const MAX_BATCH = 2048;
/** Bytes that sealing adds in front and behind (WireGuard paper §5.4.6). */
export const MESSAGE_OVERHEAD_BYTES = 32;

/** Where the host writes what a call works with; all lengths in bytes. */
export const CIPHER_LAYOUT = {
  KEY: 0x4c0,
  NONCE: 0x4e4,
  RESULT: 0x520,
  TABLE_AT: 0x2000,
  TABLE_LENGTH: 0x4000,
  TABLE_RESULT: 0x6000,
  TABLE_COUNTER: 0x8000,
  FRAMES: 0xc000,
} as const;

/**
 * What the module exports; all parameters are addresses, lengths and numbers, and nothing is checked. The key has to
 * be put to `CIPHER_LAYOUT.KEY` before each call that seals or opens, which leaves zeroes there.
 */
export interface CipherExports {
  /** Once, before all others. */
  init(): void;
  /** Encrypts `length` bytes at `at` in place, and appends the tag; key and nonce stand in the layout. */
  seal(at: number, length: number, data: number, dataLength: number): void;
  /** Decrypts in place; `length` is without the tag. @returns 1, or 0 when zeroes were written instead of a forgery */
  open(at: number, length: number, data: number, dataLength: number): number;
  /** Seals `count` packets `stride` bytes apart, with 16 bytes before and behind each for header and tag. */
  sealBatch(
    at: number,
    stride: number,
    length: number,
    lastLength: number,
    count: number,
    remoteIndex: number,
    counter: number,
  ): void;
  /** Opens the first `count` messages of the table. */
  openBatch(count: number): void;
  /**
   * Cuts and seals a superpacket whose virtio header stands before `at`; `RESULT` has the number of packets, and the
   * length of all messages but the last.
   * @param inner where the IP packet stands that is cut; unless that is 0, the length of the outer one is filled in, too
   * @returns the bytes of all messages, 0 when there is too little room, -1 when the header contradicts the packet
   */
  sealSuperframe(
    at: number,
    length: number,
    to: number,
    room: number,
    remoteIndex: number,
    mtu: number,
    counter: number,
    inner: number,
  ): number;
  /** Does the same and encrypts nothing: texts are padded, tags are missing, and no key is needed. */
  layOutSuperpacket(
    at: number,
    length: number,
    to: number,
    room: number,
    remoteIndex: number,
    mtu: number,
    counter: number,
    inner: number,
  ): number;
  /**
   * Cuts a superpacket as `sealSuperframe` does, and seals nothing; what stands before `inner` is repeated before each.
   * @returns the bytes of all packets, 0 when there is too little room, -1 when the header contradicts the packet
   */
  cutSuperpacket(at: number, length: number, to: number, room: number, inner: number): number;
  /** Starts to join packets; `joinsUdp` is 1 where the host takes superpackets of UDP. */
  beginJoin(joinsUdp: number): void;
  /**
   * Adds a packet, and overwrites the 10 bytes before it.
   * @param link how long the header is that stands before IP
   * @param tag 16 bits, of all packets of a frame
   */
  joinPacket(at: number, length: number, link: number, tag: number): void;
  /**
   * @returns how many frames stand in `FRAMES`, each two words: where its virtio header begins, and its length without
   * that, with its tag in the upper half
   */
  endJoin(): number;
}

/**
 * Makes memory for a cipher, shared, so that system calls on other threads may work in it.
 * @param pages of 64 KiB
 */
export function cipherMemory(pages: number, maxPages: number = pages): WebAssembly.Memory {
  return new WebAssembly.Memory({ initial: pages, maximum: maxPages, shared: true });
}

/**
 * Makes an instance that works on `memory`, of which nobody else may use the first `CIPHER_BYTES` meanwhile.
 * @param memory of one page at least, as `cipherMemory` makes it
 * @throws WebAssembly.CompileError where the runtime has no SIMD
 */
export function instantiateCipher(memory: WebAssembly.Memory): CipherExports {
  const module = new WebAssembly.Module(Uint8Array.fromBase64(BASELINE_BATCH_WASM));
  const wasm = new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as CipherExports;
  wasm.init();
  return wasm;
}

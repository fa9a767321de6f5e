/**
 * The cipher for whole batches, with its arguments checked: superpackets are cut and sealed, messages opened,
 * and opened packets joined, all in one memory that system calls read and write too.
 * @module
 */

import { type Aead, type AeadKey, TAG_BYTES } from "../aead.ts";
import { wasmAead, WasmKey } from "../aead_wasm.ts";
import type {
  BatchCipher,
  CutJob,
  LaidOutMessages,
  LayOutJob,
  OpenTable,
  SealedBatch,
  SealFailure,
  SealJob,
} from "./batch_cipher.ts";
import {
  CIPHER_BYTES,
  CIPHER_LAYOUT,
  type CipherExports,
  cipherMemory,
  instantiateCipher,
  MAX_BATCH,
  MESSAGE_OVERHEAD_BYTES,
} from "../wasm_module.ts";
import type { NativeCipher, NativeSealJob } from "./native_cipher.ts";

const VIRTIO_HEADER_BYTES = 10;
const HEADER_BYTES = MESSAGE_OVERHEAD_BYTES - TAG_BYTES;
const MAX_PACKET_BYTES = 65_535;
/** Where the virtio header has the kind of superpacket, and the size of its packets, counted from the packet. */
const GSO_TYPE_AT = -9;
const GSO_SIZE_AT = -6;

/** How a cipher is to work. */
export interface WasmBatchOptions {
  /** Whether packets of UDP are joined too, which the host's interface must be able to take. */
  readonly joinsUdp?: boolean;
  /** Makes what seals and opens larger batches in this memory. */
  readonly native?: ((memory: WebAssembly.Memory) => NativeCipher) | undefined;
}

/** One thread's cipher. Every call is synchronous, and leaves no key in the memory. */
export class WasmBatchCipher implements BatchCipher {
  readonly name: string;
  readonly memory: WebAssembly.Memory;
  readonly freeFrom: number = CIPHER_BYTES;
  readonly aead: Aead;
  readonly openTable: OpenTable;
  readonly #wasm: CipherExports;
  readonly #bytes: Uint8Array;
  readonly #result: Int32Array;
  readonly #frames: Int32Array;
  readonly #joinsUdp: boolean;
  readonly #native: NativeCipher | undefined;

  /**
   * @param pages of the memory, 64 KiB each; the first is the cipher's
   * @throws WebAssembly.CompileError where the runtime has no SIMD
   */
  constructor(pages: number, { joinsUdp = true, native }: WasmBatchOptions = {}) {
    this.aead = wasmAead();
    this.memory = cipherMemory(pages);
    this.#native = native?.(this.memory);
    this.name = this.#native?.name ?? this.aead.name;
    this.#wasm = instantiateCipher(this.memory);
    this.#joinsUdp = joinsUdp;
    const { buffer } = this.memory;
    this.#bytes = new Uint8Array(buffer);
    this.#result = new Int32Array(buffer, CIPHER_LAYOUT.RESULT, 2);
    this.#frames = new Int32Array(buffer, CIPHER_LAYOUT.FRAMES, 2 * MAX_BATCH);
    this.openTable = {
      at: new Int32Array(buffer, CIPHER_LAYOUT.TABLE_AT, MAX_BATCH),
      lengthBytes: new Int32Array(buffer, CIPHER_LAYOUT.TABLE_LENGTH, MAX_BATCH),
      counters: new Float64Array(buffer, CIPHER_LAYOUT.TABLE_COUNTER, MAX_BATCH),
      plaintextBytes: new Int32Array(buffer, CIPHER_LAYOUT.TABLE_RESULT, MAX_BATCH),
    };
  }

  /**
   * Cuts a superpacket, completes its packets, seals them as transport messages (WireGuard paper §5.4.6).
   *
   * @returns what was written, or why nothing was
   * @throws RangeError when the job leaves the memory, or its counters are no safe integers
   * @throws TypeError when the key was wiped or is another implementation's
   */
  sealSuperpacket(job: SealJob): SealedBatch | SealFailure {
    this.#check(job);
    const { at, lengthBytes } = job;
    const native = this.#native;
    if (native !== undefined && this.#hasPackets(at, lengthBytes, native.leastCount)) {
      return this.#sealNatively(native, job);
    }
    if (!this.#load(job.key)) throw new TypeError("Cannot seal by a key that was wiped");
    const written = this.#wasm.sealSuperframe(
      at,
      lengthBytes,
      job.out,
      job.roomBytes,
      job.remoteIndex,
      job.mtuBytes,
      job.counter,
      job.innerBytes ?? 0,
    );
    return this.#batch(written);
  }

  /**
   * Cuts a superpacket and completes its packets as messages that `sealMessages` is to seal.
   *
   * @returns what was written, or why nothing was
   * @throws RangeError when the job leaves the memory, or its counters are no safe integers
   */
  layOutSuperpacket(job: LayOutJob): SealedBatch | SealFailure {
    this.#check(job);
    return this.#layOut(job);
  }

  /**
   * Seals messages that were laid out, in place.
   * @throws RangeError when they leave the memory, or their counters are no safe integers
   * @throws TypeError when the key was wiped or is another implementation's
   */
  sealMessages(messages: LaidOutMessages): void {
    const { at, messageBytes, lastBytes, count, counter } = messages;
    const key = wasmKey(messages.key);
    const isInside = at >= CIPHER_BYTES && count > 0 && lastBytes >= MESSAGE_OVERHEAD_BYTES &&
      lastBytes <= messageBytes && at + (count - 1) * messageBytes + lastBytes <= this.#bytes.length;
    if (!isInside) throw new RangeError(`Cannot seal ${count} messages at ${at}: they leave the memory`);
    checkCounters(counter, count);
    const native = this.#native;
    if (native !== undefined && count >= native.leastCount) return sealAll(native, key, messages);
    if (!this.#load(key)) throw new TypeError("Cannot seal by a key that was wiped");
    this.#wasm.sealBatch(
      at + HEADER_BYTES,
      messageBytes,
      messageBytes - MESSAGE_OVERHEAD_BYTES,
      lastBytes - MESSAGE_OVERHEAD_BYTES,
      count,
      messages.remoteIndex,
      counter,
    );
  }

  /**
   * Cuts a superpacket and completes its packets.
   *
   * @returns what was written, or why nothing was
   * @throws RangeError when the job leaves the memory
   */
  cutSuperpacket(job: CutJob): SealedBatch | SealFailure {
    const { at, lengthBytes, out, roomBytes, innerBytes } = job;
    if (!this.#isInside(job)) {
      throw new RangeError(`Cannot cut ${lengthBytes} bytes at ${at}: they leave the memory`);
    }
    return this.#batch(this.#wasm.cutSuperpacket(at, lengthBytes, out, roomBytes, innerBytes));
  }

  /**
   * Opens the first `count` messages of the table, in place; by a key that was wiped, none is authentic.
   * @throws RangeError when there are more than `MAX_BATCH`
   * @throws TypeError when the key is another implementation's
   */
  openBatch(key: AeadKey, count: number): void {
    if (count > MAX_BATCH) throw new RangeError(`Cannot open ${count} messages: a batch has ${MAX_BATCH}`);
    const native = this.#native;
    if (native !== undefined && count >= native.leastCount) {
      if (native.open(wasmKey(key), count)) return;
    } else if (this.#load(key)) return this.#wasm.openBatch(count);
    this.openTable.plaintextBytes.fill(-1, 0, count);
  }

  beginFrames(): void {
    this.#wasm.beginJoin(this.#joinsUdp ? 1 : 0);
  }

  /**
   * Adds a packet, at most `MAX_BATCH` of them, in the order of their addresses. What stands between two packets that
   * are added one after the other may be overwritten.
   */
  addPacket(at: number, lengthBytes: number, linkBytes = 0, tag = 0): void {
    this.#wasm.joinPacket(at, lengthBytes, linkBytes, tag);
  }

  endFrames(): number {
    return this.#wasm.endJoin();
  }

  frameAt(index: number): number {
    return this.#frames[2 * index] ?? 0;
  }

  frameBytes(index: number): number {
    return VIRTIO_HEADER_BYTES + ((this.#frames[2 * index + 1] ?? 0) & 0xffff);
  }

  frameTag(index: number): number {
    return (this.#frames[2 * index + 1] ?? 0) >>> 16;
  }

  /** Whether a superpacket has at least so many packets, by its virtio header. */
  #hasPackets(at: number, lengthBytes: number, least: number): boolean {
    const type = (this.#bytes[at + GSO_TYPE_AT] ?? 0) & 0x7f;
    const size = (this.#bytes[at + GSO_SIZE_AT] ?? 0) | (this.#bytes[at + GSO_SIZE_AT + 1] ?? 0) << 8;
    return type !== 0 && lengthBytes > (least - 1) * size;
  }

  #sealNatively(native: NativeCipher, job: SealJob): SealedBatch | SealFailure {
    const { out, counter } = job;
    const key = wasmKey(job.key);
    const batch = this.#layOut(job);
    if (typeof batch === "string") return batch;
    const { packets: count, segmentBytes: messageBytes } = batch;
    const lastBytes = batch.lengthBytes - (count - 1) * messageBytes;
    sealAll(native, key, { at: out, messageBytes, lastBytes, count, counter });
    return batch;
  }

  #layOut(job: LayOutJob): SealedBatch | SealFailure {
    const { at, lengthBytes, out, roomBytes, remoteIndex, mtuBytes, counter, innerBytes = 0 } = job;
    return this.#batch(
      this.#wasm.layOutSuperpacket(
        at,
        lengthBytes,
        out,
        roomBytes,
        remoteIndex,
        mtuBytes,
        counter,
        innerBytes,
      ),
    );
  }

  #check(job: LayOutJob): void {
    if (!this.#isInside(job)) {
      throw new RangeError(`Cannot seal ${job.lengthBytes} bytes at ${job.at}: they leave the memory`);
    }
    checkCounters(job.counter, MAX_PACKET_BYTES);
  }

  #batch(written: number): SealedBatch | SealFailure {
    if (written <= 0) return written === 0 ? "no-room" : "malformed";
    return { packets: this.#result[0] ?? 0, lengthBytes: written, segmentBytes: this.#result[1] ?? 0 };
  }

  #isInside(job: Pick<SealJob, "at" | "lengthBytes" | "out" | "roomBytes" | "innerBytes">): boolean {
    const { at, lengthBytes, out, roomBytes, innerBytes = 0 } = job;
    return at - VIRTIO_HEADER_BYTES >= CIPHER_BYTES && out >= CIPHER_BYTES && lengthBytes >= 0 &&
      innerBytes >= 0 && innerBytes <= lengthBytes &&
      at + lengthBytes <= this.#bytes.length && out + roomBytes <= this.#bytes.length;
  }

  #load(key: AeadKey): boolean {
    return wasmKey(key).load(this.#bytes);
  }
}

/** @throws RangeError when not all were sealed: what is not sealed may not be sent */
function sealAll(native: NativeCipher, key: WasmKey, job: NativeSealJob): void {
  if (native.seal(key, job) === job.count) return;
  throw new RangeError(`Cannot seal ${job.count} messages at ${job.at}: they leave the memory`);
}

function checkCounters(first: number, count: number): void {
  if (first >= 0 && Number.isSafeInteger(first) && Number.isSafeInteger(first + count)) return;
  throw new RangeError(`Cannot seal as number ${first}: it is no safe integer`);
}

function wasmKey(key: AeadKey): WasmKey {
  if (!(key instanceof WasmKey)) throw new TypeError("Cannot use a key that the cipher did not make");
  return key;
}

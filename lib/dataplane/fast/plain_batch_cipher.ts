/**
 * The batch cipher in plain TypeScript over any AEAD: the oracle of the fast one, and its stand-in where there is no
 * WebAssembly SIMD.
 * @module
 */

import {
  type Aead,
  type AeadKey,
  type BatchCipher,
  type CutJob,
  type LaidOutMessages,
  type LayOutJob,
  MAX_BATCH,
  type OpenTable,
  type SealedBatch,
  type SealFailure,
  type SealJob,
  TAG_BYTES,
} from "../../crypto/mod.ts";
import { finishOuter, readVirtioHeader, splitSuperpacket, VIRTIO_HEADER_BYTES } from "./superpacket.ts";

const TRANSPORT_HEADER_BYTES = 16;
const PADDING_BYTES = 16;
const NO_BYTES = new Uint8Array(0);

/** One packet at a time; it joins nothing. */
export class PlainBatchCipher implements BatchCipher {
  readonly name: string;
  readonly memory: WebAssembly.Memory;
  readonly freeFrom = 0;
  readonly aead: Aead;
  readonly openTable: OpenTable = openTable();
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #frameAt = new Int32Array(MAX_BATCH);
  readonly #frameBytes = new Int32Array(MAX_BATCH);
  readonly #frameTag = new Int32Array(MAX_BATCH);
  #frames = 0;

  /** @param pages of 64 KiB, as many as the data plane needs */
  constructor(aead: Aead, pages: number) {
    this.name = `plain, ${aead.name}`;
    this.aead = aead;
    this.memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
    this.#bytes = new Uint8Array(this.memory.buffer);
    this.#view = new DataView(this.memory.buffer);
  }

  sealSuperpacket(job: SealJob): SealedBatch | SealFailure {
    const batch = this.layOutSuperpacket(job);
    if (typeof batch === "string") return batch;
    const { packets: count, segmentBytes: messageBytes, lengthBytes } = batch;
    const lastBytes = lengthBytes - (count - 1) * messageBytes;
    this.sealMessages({ ...job, at: job.out, messageBytes, lastBytes, count });
    return batch;
  }

  layOutSuperpacket(job: LayOutJob): SealedBatch | SealFailure {
    const { innerBytes = 0, mtuBytes } = job;
    const packets = this.#cut(job, innerBytes);
    const [first] = packets ?? [];
    if (packets === undefined || first === undefined) return "malformed";
    if (innerBytes > 0 && !packets.every((packet) => finishOuter(packet, innerBytes))) return "malformed";
    const segmentBytes = sealedBytes(first.length, mtuBytes);
    if (segmentBytes * packets.length > job.roomBytes) return "no-room";
    let out = job.out;
    for (const [i, packet] of packets.entries()) {
      const end = out + sealedBytes(packet.length, mtuBytes);
      this.#view.setUint32(out, 4, true);
      this.#view.setUint32(out + 4, job.remoteIndex, true);
      this.#view.setBigUint64(out + 8, BigInt(job.counter + i), true);
      this.#bytes.fill(0, out + TRANSPORT_HEADER_BYTES, end - TAG_BYTES).set(
        packet,
        out + TRANSPORT_HEADER_BYTES,
      );
      out = end;
    }
    return { packets: packets.length, lengthBytes: out - job.out, segmentBytes };
  }

  sealMessages({ at, messageBytes, lastBytes, count, key, counter }: LaidOutMessages): void {
    for (let i = 0; i < count; i++) {
      const text = at + i * messageBytes + TRANSPORT_HEADER_BYTES;
      const textBytes = (i + 1 === count ? lastBytes : messageBytes) - TRANSPORT_HEADER_BYTES - TAG_BYTES;
      const sealed = new Uint8Array(textBytes + TAG_BYTES);
      key.seal(counter + i, this.#bytes.slice(text, text + textBytes), NO_BYTES, sealed, 0);
      this.#bytes.set(sealed, text);
    }
  }

  cutSuperpacket(job: CutJob): SealedBatch | SealFailure {
    const packets = this.#cut(job, job.innerBytes);
    const [first] = packets ?? [];
    if (packets === undefined || first === undefined) return "malformed";
    if (first.length * packets.length > job.roomBytes) return "no-room";
    let out = job.out;
    for (const packet of packets) {
      this.#bytes.set(packet, out);
      out += packet.length;
    }
    return { packets: packets.length, lengthBytes: out - job.out, segmentBytes: first.length };
  }

  openBatch(key: AeadKey, count: number): void {
    const { at, lengthBytes, counters, plaintextBytes } = this.openTable;
    for (let i = 0; i < count; i++) {
      const start = (at[i] ?? 0) + TRANSPORT_HEADER_BYTES;
      const sealed = this.#bytes.slice(start, (at[i] ?? 0) + (lengthBytes[i] ?? 0));
      const opened = new Uint8Array(sealed.length);
      const length = key.open(counters[i] ?? 0, sealed, NO_BYTES, opened, 0);
      plaintextBytes[i] = length;
      this.#bytes.set(opened, start);
    }
  }

  beginFrames(): void {
    this.#frames = 0;
  }

  addPacket(at: number, lengthBytes: number, _linkBytes = 0, tag = 0): void {
    this.#bytes.fill(0, at - VIRTIO_HEADER_BYTES, at);
    this.#frameTag[this.#frames] = tag;
    this.#frameAt[this.#frames] = at - VIRTIO_HEADER_BYTES;
    this.#frameBytes[this.#frames++] = lengthBytes + VIRTIO_HEADER_BYTES;
  }

  endFrames(): number {
    return this.#frames;
  }

  frameAt(index: number): number {
    return this.#frameAt[index] ?? 0;
  }

  frameBytes(index: number): number {
    return this.#frameBytes[index] ?? 0;
  }

  frameTag(index: number): number {
    return this.#frameTag[index] ?? 0;
  }

  #cut({ at, lengthBytes }: CutJob | LayOutJob, innerBytes: number): Uint8Array[] | undefined {
    if (lengthBytes === 0) return undefined;
    const header = readVirtioHeader(this.#bytes, at - VIRTIO_HEADER_BYTES);
    return splitSuperpacket(this.#bytes.slice(at, at + lengthBytes), header, innerBytes);
  }
}

/** @returns the length of the datagram that carries a packet of `packetBytes` (WireGuard paper §5.4.6) */
export function sealedBytes(packetBytes: number, mtuBytes: number): number {
  const padded = Math.ceil(packetBytes / PADDING_BYTES) * PADDING_BYTES;
  const bounded = padded > mtuBytes ? Math.max(packetBytes, mtuBytes) : padded;
  return TRANSPORT_HEADER_BYTES + bounded + TAG_BYTES;
}

function openTable(): OpenTable {
  return {
    at: new Int32Array(MAX_BATCH),
    lengthBytes: new Int32Array(MAX_BATCH),
    counters: new Float64Array(MAX_BATCH),
    plaintextBytes: new Int32Array(MAX_BATCH),
  };
}

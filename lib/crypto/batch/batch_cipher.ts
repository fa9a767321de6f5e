/**
 * What touches every byte of a batch, as a port: superpackets are sealed to GSO batches, and GRO batches opened, in one
 * memory that system calls read and write too.
 * @module
 */

import type { Aead, AeadKey } from "../aead.ts";

/** A superpacket that is to be sealed. */
export interface SealJob {
  /** Where the IP packet begins; its virtio header stands before it. */
  readonly at: number;
  readonly lengthBytes: number;
  /** Where the sealed batch goes, and how much room is there. */
  readonly out: number;
  readonly roomBytes: number;
  readonly key: AeadKey;
  /** The counter of the first packet. */
  readonly counter: number;
  /** The index at which the peer knows the session. */
  readonly remoteIndex: number;
  /** Packets are padded to multiples of 16 bytes, though not beyond this. */
  readonly mtuBytes: number;
  /**
   * Where the IP packet stands that is cut, when there is another one around it; 0 unless given. The lengths of the outer
   * one are filled in; its header, without options, and a header of UDP behind it have everything else but the checksum.
   */
  readonly innerBytes?: number;
}

/** A superpacket that is to be cut to messages which are sealed later. */
export type LayOutJob = Omit<SealJob, "key">;

/** Messages that were laid out and stand side by side: all but the last are equally long. Header and tag count. */
export interface LaidOutMessages {
  readonly at: number;
  readonly messageBytes: number;
  readonly lastBytes: number;
  readonly count: number;
  readonly key: AeadKey;
  /** Of the first; those of the others follow. */
  readonly counter: number;
  readonly remoteIndex: number;
}

/** A superpacket that is to be cut alone. */
export interface CutJob extends Pick<SealJob, "at" | "lengthBytes" | "out" | "roomBytes"> {
  /** How long that is what stands before the IP packet, and before each that is cut of it. */
  readonly innerBytes: number;
}

/** A batch of packets, sealed or not: all of the same size, only the last may be shorter. */
export interface SealedBatch {
  readonly packets: number;
  readonly lengthBytes: number;
  readonly segmentBytes: number;
}

/** Why there is no batch. */
export type SealFailure = "malformed" | "no-room";

/** Up to `MAX_BATCH` datagrams that are to be opened with one key, filled in by the caller. */
export interface OpenTable {
  /** Where each datagram begins, and its length. */
  readonly at: Int32Array;
  readonly lengthBytes: Int32Array;
  readonly counters: Float64Array;
  /** The plaintext's length, which begins 16 bytes into the datagram; -1 where the datagram is not authentic. */
  readonly plaintextBytes: Int32Array;
}

/** Works on its own memory; every call is synchronous. */
export interface BatchCipher {
  /** How the status names it. */
  readonly name: string;
  readonly memory: WebAssembly.Memory;
  /** The first byte that is not the cipher's own. */
  readonly freeFrom: number;
  /** Makes the keys that this cipher takes. */
  readonly aead: Aead;
  /** What `openBatch` opens. */
  readonly openTable: OpenTable;
  /** Cuts a superpacket, completes its packets, seals them. */
  sealSuperpacket(job: SealJob): SealedBatch | SealFailure;
  /** Does the same but for the sealing: texts are padded, and tags are missing. */
  layOutSuperpacket(job: LayOutJob): SealedBatch | SealFailure;
  /** Seals messages that were laid out, perhaps by several calls; many are faster than one by one. */
  sealMessages(messages: LaidOutMessages): void;
  /** Cuts a superpacket and completes its packets, which stand one behind the other then. */
  cutSuperpacket(job: CutJob): SealedBatch | SealFailure;
  /** Opens the first `count` datagrams of the table, in place. What is not authentic is overwritten. */
  openBatch(key: AeadKey, count: number): void;
  /**
   * Starts to join the packets of a batch: those of a flow that follow each other, so that the host takes them at once.
   * Frames are built where their packets are.
   */
  beginFrames(): void;
  /**
   * Adds the packet at `at`, behind all before, of `lengthBytes`; the 10 bytes before it may be overwritten.
   * @param linkBytes an even number: how long the header is that stands before IP; 0 unless given. What has no IP is all
   * header.
   * @param tag 16 bits, 0 unless given; packets of different tags are not joined
   */
  addPacket(at: number, lengthBytes: number, linkBytes?: number, tag?: number): void;
  /** @returns how many frames there are to be written, each with its virtio header */
  endFrames(): number;
  /** Where frame `index` begins, header included, and its length. */
  frameAt(index: number): number;
  frameBytes(index: number): number;
  /** The tag of its packets. */
  frameTag(index: number): number;
}

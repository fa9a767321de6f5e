/**
 * A superpacket as the benchmark of the cipher sends it out and takes it in.
 * @module
 */

import type { AeadKey } from "../../lib/crypto/aead.ts";
import { type BatchCipher, CIPHER_BYTES, MESSAGE_OVERHEAD_BYTES } from "../../lib/crypto/batch/mod.ts";

/** Packets of a superpacket. */
export const BATCH = 45;
/** Bytes of each of them, IP and TCP included. */
export const BATCH_BYTES = 1420;
const HEAD_BYTES = 52;
const SEALED_AT = CIPHER_BYTES + 0x1_2000;

/** TCP over IPv4 on its way out and in again, as the data plane handles it. */
export class SuperpacketRun {
  readonly #cipher: BatchCipher;
  readonly #key: AeadKey;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #sealed: Uint8Array;

  /** @param cipher with a memory of 8 pages */
  constructor(cipher: BatchCipher) {
    this.#cipher = cipher;
    this.#key = this.#cipher.aead.key(new Uint8Array(32).fill(7));
    this.#bytes = new Uint8Array(this.#cipher.memory.buffer);
    this.#view = new DataView(this.#cipher.memory.buffer);
    this.seal();
    this.#sealed = this.#bytes.slice(SEALED_AT, SEALED_AT + BATCH * (BATCH_BYTES + MESSAGE_OVERHEAD_BYTES));
    this.open();
    // The plain one joins nothing.
    if (![1, BATCH].includes(this.#cipher.endFrames())) {
      throw new Error("The cipher did not join what it had cut");
    }
  }

  /** Cuts and seals it. */
  seal(): void {
    const at = CIPHER_BYTES + 64;
    const lengthBytes = HEAD_BYTES + BATCH * (BATCH_BYTES - HEAD_BYTES);
    // Only the head changes when it is sealed, and its first part is enough for that.
    this.#view.setUint16(at - 10, 0x0101, true);
    this.#view.setUint16(at - 6, BATCH_BYTES - HEAD_BYTES, true);
    this.#view.setUint16(at - 4, 20, true);
    this.#view.setUint16(at - 2, 16, true);
    this.#view.setUint32(at, 0x4500_0000);
    this.#view.setUint32(at + 6, 0x4000_4006);
    this.#view.setUint32(at + 32, 0x8010_0100);
    const { key, counter, remoteIndex } = { key: this.#key, counter: 0, remoteIndex: 1 };
    const job = {
      at,
      lengthBytes,
      out: SEALED_AT,
      roomBytes: 70_000,
      key,
      counter,
      remoteIndex,
      mtuBytes: 1420,
    };
    if (typeof this.#cipher.sealSuperpacket(job) === "string") {
      throw new Error("The cipher refused a superpacket");
    }
  }

  /** Opens its packets, and joins them. */
  open(): void {
    const { at, lengthBytes, counters, plaintextBytes } = this.#cipher.openTable;
    const stride = BATCH_BYTES + MESSAGE_OVERHEAD_BYTES;
    this.#bytes.set(this.#sealed, SEALED_AT);
    for (let i = 0; i < BATCH; i++) {
      at[i] = SEALED_AT + i * stride;
      lengthBytes[i] = stride;
      counters[i] = i;
    }
    this.#cipher.openBatch(this.#key, BATCH);
    this.#cipher.beginFrames();
    for (let i = 0; i < BATCH; i++) {
      this.#cipher.addPacket(SEALED_AT + i * stride + 16, plaintextBytes[i] ?? 0);
    }
    this.#cipher.endFrames();
  }
}

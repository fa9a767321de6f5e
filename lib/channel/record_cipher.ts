/**
 * Records: the stream of a channel, sealed piece by piece in order.
 * @module
 */

import { TAG_BYTES } from "../crypto/mod.ts";
import { CipherState } from "../noise/mod.ts";
import { FRAME_HEADER_BYTES, MAX_FRAME_BYTES } from "./frame_reader.ts";

/** The most plaintext that one record carries, in bytes. */
export const MAX_RECORD_BYTES: number = MAX_FRAME_BYTES - TAG_BYTES;

/** Both ends replace a direction's key after this many of its records (Noise specification §11.3). */
export const RECORDS_PER_KEY = 65_536;

const NO_DATA = new Uint8Array(0);

/** Seals one direction. */
export class RecordSealer {
  readonly #cipher: CipherState;
  #records = 0;

  /** @param key 32 bytes, copied */
  constructor(key: Uint8Array) {
    this.#cipher = new CipherState(key);
  }

  /** @returns `plaintext` as framed records: as few as hold it, and one when it is empty */
  seal(plaintext: Uint8Array): Uint8Array {
    const records = Math.max(1, Math.ceil(plaintext.length / MAX_RECORD_BYTES));
    const out = new Uint8Array(plaintext.length + records * (FRAME_HEADER_BYTES + TAG_BYTES));
    const view = new DataView(out.buffer);
    let at = 0;
    for (let i = 0; i < records; i++) {
      const piece = plaintext.subarray(i * MAX_RECORD_BYTES, (i + 1) * MAX_RECORD_BYTES);
      const record = this.#cipher.encrypt(NO_DATA, piece);
      view.setUint16(at, record.length);
      out.set(record, at + FRAME_HEADER_BYTES);
      at += FRAME_HEADER_BYTES + record.length;
      if (++this.#records % RECORDS_PER_KEY === 0) this.#cipher.rekey();
    }
    return out;
  }

  /** Overwrites the key. */
  wipe(): void {
    this.#cipher.wipe();
  }
}

/** Opens one direction. */
export class RecordOpener {
  readonly #cipher: CipherState;
  #records = 0;

  /** @param key 32 bytes, copied */
  constructor(key: Uint8Array) {
    this.#cipher = new CipherState(key);
  }

  /** @returns the plaintext of a record without its frame, or undefined when it is not the other side's next one */
  open(record: Uint8Array): Uint8Array | undefined {
    const plaintext = this.#cipher.decrypt(NO_DATA, record);
    if (plaintext !== undefined && ++this.#records % RECORDS_PER_KEY === 0) this.#cipher.rekey();
    return plaintext;
  }

  /** Overwrites the key. */
  wipe(): void {
    this.#cipher.wipe();
  }
}

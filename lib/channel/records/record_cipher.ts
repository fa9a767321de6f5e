/**
 * Records: the stream of a channel, sealed piece by piece in order.
 * @module
 */

import {
  type Aead,
  mixedAead,
  type MultiBufferCipher,
  platformAead,
  type PublicKey,
  selectAead,
  TAG_BYTES,
  wasmAead,
} from "../../crypto/mod.ts";
import { CipherState } from "../../noise/mod.ts";
import { FRAME_HEADER_BYTES, type FrameReader, MAX_FRAME_BYTES } from "./frame_reader.ts";

/** The most plaintext that one record carries, in bytes. */
export const MAX_RECORD_BYTES: number = MAX_FRAME_BYTES - TAG_BYTES;

/** What a record is longer than its plaintext: the frame's header and the tag. */
export const RECORD_OVERHEAD_BYTES: number = FRAME_HEADER_BYTES + TAG_BYTES;

/** Into how many records a plaintext is cut at most when it is sealed. */
export const MAX_CUT_RECORDS = 8;

/** Both ends replace a direction's key after this many of its records (Noise specification §11.3). */
export const RECORDS_PER_KEY = 65_536;

/** From so many bytes on it is faster to cut a plaintext than to seal it whole. */
const LEAST_CUT_BYTES = 3_072;
/** Pieces are multiples of a block of the cipher (RFC 8439 §2.3). */
const BLOCK_BYTES = 64;
/** How many records are opened at a time, and their bytes; so many have room in a batch. */
const MAX_OPENED_RECORDS = 64;
const MAX_OPENED_BYTES = 120 << 10;

const NO_DATA = new Uint8Array(0);

/** Makes the records of one direction. */
export interface RecordSealer {
  /**
   * Writes `plaintext` as framed records to `out` from `at` on, one or, where that is faster, up to `MAX_CUT_RECORDS`; the
   * two may not overlap.
   * @param plaintext at most `MAX_RECORD_BYTES`; `out` has room for `RECORD_OVERHEAD_BYTES` more for each record
   * @returns where the records end
   */
  sealInto(plaintext: Uint8Array, out: Uint8Array, at: number): number;
  /** Overwrites the key. */
  wipe(): void;
}

/** Opens the records of one direction. */
export interface RecordOpener {
  /**
   * Opens the next records that have arrived in full, one or several.
   * @returns their plaintext, valid until the next call; undefined when none has arrived; "rejected" when the next one is
   * not what the other side sealed next, or says nothing
   */
  open(frames: FrameReader): Uint8Array | "rejected" | undefined;
  /** Gives memory back that was needed for large records; a plaintext that was handed out stays valid. */
  release(): void;
  /** Overwrites the key. */
  wipe(): void;
}

/** What a handshake leaves behind: the records of both directions, and who is at the other end. */
export interface HandshakeResult {
  readonly role: "initiator" | "responder";
  readonly frames: FrameReader;
  readonly sealer: RecordSealer;
  readonly opener: RecordOpener;
  /** Undefined where the file system vouches for the other end. */
  readonly remoteStatic: PublicKey | undefined;
  readonly reply: Uint8Array;
  /** Of the handshake; 0 where there was none. */
  readonly version: number;
}

// Fastest first: WebAssembly has 0.19 GB/s at 120 bytes, 1.06 at 4,096 and 0.82 at 65,000, the runtime's own cipher 0.04,
// 0.63 and 1.35. A page has WebAssembly alone.
const CANDIDATES: readonly (() => Aead)[] = [mixedAead, wasmAead, () => platformAead];

const CHOSEN: { aead?: Aead } = {};

/** The cipher of channels, chosen once a process: that compiles the module and checks its answers. */
export function channelAead(): Aead {
  return CHOSEN.aead ??= selectAead(CANDIDATES);
}

/** What seals and opens records: one by one, and several at a time where the host has machine code for that. */
export interface RecordCipher {
  readonly aead: Aead;
  /** Asked when there is something to gain, since to load it takes a while. */
  readonly multiBuffer?: (() => MultiBufferCipher | undefined) | undefined;
}

/** Seals by a key that both ends have from their handshake. */
export class NoiseSealer implements RecordSealer {
  readonly #state: CipherState;
  readonly #cipher: RecordCipher;
  #records = 0;

  /** @param key 32 bytes, copied */
  constructor(key: Uint8Array, cipher: RecordCipher = { aead: channelAead() }) {
    this.#state = new CipherState(key, cipher.aead);
    this.#cipher = cipher;
  }

  sealInto(plaintext: Uint8Array, out: Uint8Array, at: number): number {
    if (plaintext.length >= LEAST_CUT_BYTES && recordsLeft(this.#records) > MAX_CUT_RECORDS) {
      const multiBuffer = usable(this.#cipher);
      if (multiBuffer !== undefined) return this.#sealPieces(multiBuffer, plaintext, out, at);
    }
    const length = this.#state.encryptInto(NO_DATA, plaintext, out, at + FRAME_HEADER_BYTES);
    writeLength(out, at, length);
    if (++this.#records % RECORDS_PER_KEY === 0) this.#state.rekey();
    return at + FRAME_HEADER_BYTES + length;
  }

  wipe(): void {
    this.#state.wipe();
  }

  #sealPieces(multiBuffer: MultiBufferCipher, text: Uint8Array, out: Uint8Array, at: number): number {
    const pieceBytes = Math.ceil(text.length / MAX_CUT_RECORDS / BLOCK_BYTES) * BLOCK_BYTES;
    const cut = { text, pieceBytes, gapBytes: FRAME_HEADER_BYTES };
    const end = this.#state.encryptPieces(multiBuffer, cut, out, at);
    for (let start = at; start < end; this.#records++) {
      const length = Math.min(pieceBytes + TAG_BYTES, end - start - FRAME_HEADER_BYTES);
      writeLength(out, start, length);
      start += FRAME_HEADER_BYTES + length;
    }
    return end;
  }
}

/** Opens by a key that both ends have from their handshake. */
export class NoiseOpener implements RecordOpener {
  readonly #state: CipherState;
  readonly #cipher: RecordCipher;
  #plaintext = new Uint8Array(0);
  #records = 0;
  #isBroken = false;

  /** @param key 32 bytes, copied */
  constructor(key: Uint8Array, cipher: RecordCipher = { aead: channelAead() }) {
    this.#state = new CipherState(key, cipher.aead);
    this.#cipher = cipher;
  }

  open(frames: FrameReader): Uint8Array | "rejected" | undefined {
    if (this.#isBroken) return "rejected";
    if (this.#cipher.multiBuffer !== undefined && frames.waitingBytes >= LEAST_CUT_BYTES) {
      const most = Math.min(MAX_OPENED_RECORDS, recordsLeft(this.#records) - 1);
      const waiting = frames.survey(most, MAX_OPENED_BYTES);
      const multiBuffer = waiting.frames > 1 && waiting.bytes >= LEAST_CUT_BYTES
        ? usable(this.#cipher)
        : undefined;
      if (multiBuffer?.isFaster(waiting.bytes, waiting.longestBytes)) {
        return this.#openSeveral(multiBuffer, frames, waiting);
      }
    }
    const record = frames.take();
    if (record === undefined) return undefined;
    const plaintext = this.openOne(record);
    // A record without plaintext says nothing; only the handshake's confirmation is one.
    return plaintext === undefined || plaintext.length === 0 ? "rejected" : plaintext;
  }

  /** Opens one record without its frame. @returns the plaintext, valid until the next call; undefined when it is not the next one */
  openOne(record: Uint8Array): Uint8Array | undefined {
    this.#reserve(record.length);
    const length = this.#state.decryptInto(NO_DATA, record, this.#plaintext, 0);
    if (length < 0) return undefined;
    if (++this.#records % RECORDS_PER_KEY === 0) this.#state.rekey();
    return this.#plaintext.subarray(0, length);
  }

  release(): void {
    this.#plaintext = new Uint8Array(0);
  }

  wipe(): void {
    this.#state.wipe();
    this.#plaintext.fill(0);
  }

  #openSeveral(
    multiBuffer: MultiBufferCipher,
    frames: FrameReader,
    { frames: count, bytes }: { frames: number; bytes: number },
  ): Uint8Array | "rejected" {
    const run = frames.takeSeveral(count);
    multiBuffer.load(run);
    for (let at = 0; at < run.length;) {
      const length = (run[at] as number) << 8 | (run[at + 1] as number);
      // It says nothing: what comes before it is all that will be heard.
      if (length <= TAG_BYTES) break;
      multiBuffer.place(at + FRAME_HEADER_BYTES, length);
      at += FRAME_HEADER_BYTES + length;
    }
    this.#reserve(bytes);
    const opened = this.#state.decryptPlaced(multiBuffer, this.#plaintext);
    this.#records += opened.messages;
    if (opened.messages < count) this.#isBroken = true;
    return opened.bytes === 0 ? "rejected" : this.#plaintext.subarray(0, opened.bytes);
  }

  /** Records that have arrived in full may ask for as much. */
  #reserve(bytes: number): void {
    if (this.#plaintext.length >= bytes) return;
    this.#plaintext = new Uint8Array(Math.min(Math.max(bytes, MAX_FRAME_BYTES), bytes * 2));
  }
}

/** @returns how many records are sealed by the key that is in use after so many */
function recordsLeft(records: number): number {
  return RECORDS_PER_KEY - records % RECORDS_PER_KEY;
}

function usable({ multiBuffer }: RecordCipher): MultiBufferCipher | undefined {
  const found = multiBuffer?.();
  return found?.isClosed ? undefined : found;
}

function writeLength(out: Uint8Array, at: number, length: number): void {
  out[at] = length >> 8;
  out[at + 1] = length;
}

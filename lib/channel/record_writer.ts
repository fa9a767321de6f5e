/**
 * Fills records with all that is due: control first, then messages, then the streams in turn.
 * @module
 */

import { utf8Bytes } from "../base/mod.ts";
import { EnvelopeKind, MAX_ENVELOPE_OVERHEAD_BYTES } from "./envelope_codec.ts";
import { MESSAGE_BLOCK_BYTES, type Outbox } from "./outbox.ts";
import type { RecordBlock } from "./record_block.ts";
import { MAX_RECORD_BYTES, RECORD_OVERHEAD_BYTES, type RecordSealer } from "./record_cipher.ts";
import { MAX_CHUNK_BYTES } from "./stream_state.ts";
import type { StreamMux } from "./stream_mux.ts";

// More would let a message wait longer behind the chunks of streams, and a write of this size costs little a byte.
const RECORDS_PER_WRITE = 2;

const NOTHING = new Uint8Array(0);
const CHUNK_ROOM_BYTES = MAX_CHUNK_BYTES + MAX_ENVELOPE_OVERHEAD_BYTES;

/** What the writer stands on. */
export interface RecordWriterOptions {
  readonly sealer: RecordSealer;
  readonly outbox: Outbox;
  readonly streams: StreamMux;
  /** Called when the ping that was due is in a record. */
  readonly onPing: () => void;
}

/**
 * Messages leave room for one chunk of a stream in every record, so that neither makes the other wait. An envelope that
 * is longer than a record goes out over several; nothing can come between.
 */
export class RecordWriter {
  /** The number of a ping to answer. */
  pongDue: number | undefined;
  /** The number of a ping to send. */
  pingDue: number | undefined;
  /** The last thing to say, after all messages. */
  closeDue: string | undefined;

  readonly #options: RecordWriterOptions;
  #out = new Uint8Array(0);
  #block: RecordBlock | undefined;
  #blockAt = 0;
  #isOthersTurn = false;

  constructor(options: RecordWriterOptions) {
    this.#options = options;
  }

  /** @returns one or two sealed records, valid until the next call; undefined when nothing is due */
  poll(): Uint8Array | undefined {
    let end = 0;
    for (let i = 0; i < RECORDS_PER_WRITE; i++) {
      const block = this.#block ??= this.#nextBlock();
      if (block === undefined) break;
      const plaintext = block.filled.subarray(this.#blockAt, this.#blockAt + MAX_RECORD_BYTES);
      this.#reserve(end, plaintext.length + RECORD_OVERHEAD_BYTES);
      end = this.#options.sealer.sealInto(plaintext, this.#out, end);
      this.#blockAt += plaintext.length;
      if (this.#blockAt < block.length) continue;
      this.#block = undefined;
      this.#blockAt = 0;
      this.#options.outbox.recycle(block);
    }
    return end === 0 ? undefined : this.#out.subarray(0, end);
  }

  /** Gives memory back that was needed for large records; records that were handed out stay valid. */
  release(): void {
    this.#out = new Uint8Array(0);
    this.#options.outbox.release();
  }

  /** Drops everything. */
  clear(): void {
    this.pongDue = this.pingDue = this.closeDue = undefined;
    this.#block = undefined;
  }

  #nextBlock(): RecordBlock | undefined {
    const { outbox, streams } = this.#options;
    const isOthersTurn = this.#isOthersTurn;
    const block = (isOthersTurn ? undefined : outbox.shift()) ?? outbox.blank();
    // A message that leaves no room for the others has them take the next record.
    this.#isOthersTurn = block.length > MESSAGE_BLOCK_BYTES;
    if (!this.#isOthersTurn) {
      this.#writeControl(block);
      streams.writeChunks(block, isOthersTurn);
      this.#isOthersTurn = streams.needsBlock;
    }
    if (block.length === 0 && this.closeDue !== undefined && !isOthersTurn) {
      block.append(EnvelopeKind.close, 0, 0, utf8Bytes(this.closeDue), NOTHING);
      this.closeDue = undefined;
    }
    if (block.length > 0) return block;
    outbox.recycle(block);
    return isOthersTurn ? this.#nextBlock() : undefined;
  }

  #writeControl(block: RecordBlock): void {
    const { streams, onPing } = this.#options;
    if (this.pongDue !== undefined) {
      block.append(EnvelopeKind.pong, this.pongDue, 0, NOTHING, NOTHING);
      this.pongDue = undefined;
    }
    if (this.pingDue !== undefined) {
      block.append(EnvelopeKind.ping, this.pingDue, 0, NOTHING, NOTHING);
      this.pingDue = undefined;
      onPing();
    }
    streams.writeControl(block, MAX_RECORD_BYTES - CHUNK_ROOM_BYTES);
  }

  #reserve(filled: number, moreBytes: number): void {
    if (filled + moreBytes <= this.#out.length) return;
    const larger = new Uint8Array(Math.max(filled + moreBytes, this.#out.length * 2));
    larger.set(this.#out.subarray(0, filled));
    this.#out = larger;
  }
}

/**
 * Fills records with all that is due: messages, then control, then the streams in turn; and writes them out.
 * @module
 */

import { type ByteStream, utf8Bytes } from "../base/mod.ts";
import type { KeepAlive } from "./keep_alive.ts";
import { MESSAGE_BLOCK_BYTES, type Outbox } from "./outbox.ts";
import {
  EnvelopeKind,
  MAX_CUT_RECORDS,
  MAX_ENVELOPE_OVERHEAD_BYTES,
  MAX_RECORD_BYTES,
  RECORD_OVERHEAD_BYTES,
  type RecordBlock,
  type RecordSealer,
} from "./records/mod.ts";
import { MAX_CHUNK_BYTES, type StreamMux } from "./streams/mod.ts";

// More would let a message wait longer behind the chunks of streams, and a write of this size costs little a byte.
const RECORDS_PER_WRITE = 2;

const NOTHING = new Uint8Array(0);
const CHUNK_ROOM_BYTES = MAX_CHUNK_BYTES + MAX_ENVELOPE_OVERHEAD_BYTES;

/** Where records come from and go to. */
export interface RecordWriterOptions {
  readonly stream: ByteStream;
  readonly sealer: RecordSealer;
  readonly outbox: Outbox;
  readonly streams: StreamMux;
  /** Is told when the ping that was due is in a record. */
  readonly keepAlive: KeepAlive;
  /** Whether the channel is closed, after which nothing is written. */
  readonly isClosed: () => boolean;
  /** Called when the stream is broken. */
  readonly onBroken: () => void;
}

/**
 * Writes until nothing is due. One write is under way at a time, and what comes meanwhile goes with the next.
 *
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
  readonly #outbox: Outbox;
  #out = new Uint8Array(0);
  #block: RecordBlock | undefined;
  #blockAt = 0;
  /** The next record takes no messages: what found no room behind those of the last one comes first. */
  #skipsMessages = false;
  readonly #early = new EarlyWrite();
  #isWriting = false;
  #isScheduled = false;
  /** Microtasks until what is scheduled is written. */
  #steps = 0;
  /** Messages of the other end are being handled, and what is due is written behind them. */
  #isTurn = false;

  constructor(options: RecordWriterOptions) {
    this.#options = options;
    this.#outbox = options.outbox;
  }

  /** Something is due: writes when this turn of the event loop is over, so that all it has to say shares a record. */
  schedule(): void {
    if (this.#outbox.bytes >= MESSAGE_BLOCK_BYTES) return this.flush();
    if (this.#isWriting || this.#isScheduled) return;
    this.#isScheduled = true;
    if (this.#isTurn) return;
    this.#steps = this.#early.steps;
    queueMicrotask(this.#step);
  }

  /** As `schedule`, after a message of `bytes` was posted: writes earlier where that saves the other end time. */
  schedulePosted(bytes: number): void {
    this.schedule();
    if (this.#early.isDue(bytes, this.#outbox.bytes)) this.#flushScheduled();
  }

  /** Messages of the other end are handled now, until `pauseTurn` or `endTurn`. */
  beginTurn(): void {
    this.#isTurn = true;
  }

  /** Before any wait, what the handlers of the other end's messages had to say is written. */
  pauseTurn(): void {
    this.#isTurn = false;
    this.#flushScheduled();
  }

  /** The same before the wait for more of the other end. */
  endTurn(): void {
    this.pauseTurn();
    this.#early.endTurn();
  }

  /** Writes at once, unless a write is under way. */
  flush(): void {
    if (!this.#isWriting) this.#write();
  }

  /** Gives memory back that was needed for large records; records that were handed out stay valid. */
  release(): void {
    this.#out = new Uint8Array(0);
    this.#outbox.release();
  }

  /** Drops everything. */
  clear(): void {
    this.pongDue = this.pingDue = this.closeDue = undefined;
    this.#block = undefined;
  }

  readonly #step = () => {
    if (--this.#steps > 0) queueMicrotask(this.#step);
    else this.#flushScheduled();
  };

  readonly #flushScheduled = () => {
    if (!this.#isScheduled) return;
    this.#isScheduled = false;
    this.flush();
  };

  #write(): void {
    const { stream, isClosed } = this.#options;
    // What is told on the way that something is due may ask for it to be written.
    this.#isWriting = true;
    const records = isClosed() ? undefined : this.#poll();
    if (records === undefined) this.#isWriting = false;
    else void stream.write(records).then(this.#onWritten);
  }

  readonly #onWritten = (isWhole: boolean) => {
    if (!isWhole) this.#options.onBroken();
    this.#write();
  };

  /** @returns one or two sealed records, valid until the next call; undefined when nothing is due */
  #poll(): Uint8Array | undefined {
    let end = 0;
    for (let i = 0; i < RECORDS_PER_WRITE; i++) {
      const block = this.#block ??= this.#nextBlock();
      if (block === undefined) break;
      const plaintext = block.cut(this.#blockAt, MAX_RECORD_BYTES);
      this.#reserve(end, plaintext.length + MAX_CUT_RECORDS * RECORD_OVERHEAD_BYTES);
      end = this.#options.sealer.sealInto(plaintext, this.#out, end);
      this.#blockAt += plaintext.length;
      if (this.#blockAt < block.length) continue;
      this.#block = undefined;
      this.#blockAt = 0;
      this.#outbox.recycle(block);
    }
    return end === 0 ? undefined : this.#out.subarray(0, end);
  }

  #nextBlock(): RecordBlock | undefined {
    const outbox = this.#outbox;
    const { streams } = this.#options;
    const skipsMessages = this.#skipsMessages;
    const block = (skipsMessages ? undefined : outbox.shift()) ?? outbox.blank();
    // A message that leaves no room for the others has them take the next record.
    this.#skipsMessages = block.length > MESSAGE_BLOCK_BYTES;
    if (!this.#skipsMessages) {
      this.#writeControl(block);
      streams.writeChunks(block, skipsMessages);
      this.#skipsMessages = streams.needsBlock;
    }
    if (block.length === 0 && this.closeDue !== undefined && !skipsMessages) {
      block.append(EnvelopeKind.close, 0, 0, utf8Bytes(this.closeDue), NOTHING);
      this.closeDue = undefined;
    }
    if (block.length > 0) return block;
    outbox.recycle(block);
    return skipsMessages ? this.#nextBlock() : undefined;
  }

  #writeControl(block: RecordBlock): void {
    const { streams, keepAlive } = this.#options;
    if (this.pongDue !== undefined) {
      block.append(EnvelopeKind.pong, this.pongDue, 0, NOTHING, NOTHING);
      this.pongDue = undefined;
    }
    if (this.pingDue !== undefined) {
      block.append(EnvelopeKind.ping, this.pingDue, 0, NOTHING, NOTHING);
      this.pingDue = undefined;
      keepAlive.notePingSent();
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

const LEAST_EARLY_BYTES = 512;
const MOST_EARLY_BYTES = 4_096;
// Of a turn that goes on and on, such as a publisher's, parts grow to so much: nobody waits for the end of it.
const MOST_ENDLESS_BYTES = 16_384;
const ENDLESS_PARTS = 16;
// Into so many parts a turn is cut.
const TURN_PARTS = 4;
// How much the last turn counts among those before it.
const LAST_TURN_WEIGHT = 1 / 8;
// A turn that has less has little to say.
const LITTLE_BYTES = 1_024;
// What follows from what the other end has said comes within so many microtasks, which take 1 µs.
const STEPS_OF_LITTLE = 8;

/**
 * When messages are written: before the turn of the event loop that posts them is over, or a moment later.
 *
 * Whoever waits for the end of a turn with all it has to say keeps the other end waiting too; a part that leaves early
 * is worked on meanwhile, on another core. Small parts cost system calls, so that a turn is cut into quarters of what
 * turns have had lately. Of calls with 16 or 64 under way that answered a third more in a second, and up to twice as many.
 *
 * Where turns have little to say, whoever is told something by the other end may say the next thing some microtasks after
 * others have: one write takes both, and the other end does both at once.
 */
export class EarlyWrite {
  #turnBytes = 0;
  #usualBytes = 0;

  /** In how many microtasks what is posted outside of a turn is written. */
  get steps(): number {
    return this.#usualBytes < LITTLE_BYTES ? STEPS_OF_LITTLE : 1;
  }

  /**
   * @param bytes how many were posted just now
   * @param queuedBytes how many wait to be written, these among them
   * @returns whether they are to be written now
   */
  isDue(bytes: number, queuedBytes: number): boolean {
    this.#turnBytes += bytes;
    if (queuedBytes < LEAST_EARLY_BYTES) return false;
    const part = Math.max(this.#turnBytes, this.#usualBytes) / TURN_PARTS;
    const endless = Math.min(this.#turnBytes / ENDLESS_PARTS, MOST_ENDLESS_BYTES);
    return queuedBytes >= Math.min(part, Math.max(MOST_EARLY_BYTES, endless));
  }

  /** The turn is over: the channel waits for the other end. */
  endTurn(): void {
    this.#usualBytes += (this.#turnBytes - this.#usualBytes) * LAST_TURN_WEIGHT;
    this.#turnBytes = 0;
  }
}

/**
 * Messages that wait to be written, encoded already and packed as they will be sealed.
 * @module
 */

import { type MemoryAccount, UNBOUNDED_ACCOUNT } from "../base/mod.ts";
import {
  EnvelopeKind,
  envelopeLength,
  MAX_ENVELOPE_OVERHEAD_BYTES,
  MAX_RECORD_BYTES,
  type Pieces,
  piecesLength,
  RecordBlock,
  writeEnvelope,
} from "./records/mod.ts";
import { MAX_CHUNK_BYTES } from "./streams/mod.ts";

/** How much `post` queues. */
export const MAX_POSTED_BYTES: number = 8 << 20;
/** How many messages `post` queues. */
export const MAX_POSTED_MESSAGES = 16_384;

// What `send` waits for, whatever was posted; one message always fits.
const SEND_ITEMS = 64;
const SEND_BYTES = 4 << 20;
const MAX_WAITING_SENDERS = 1_024;

// Room for a chunk of a stream and for control behind the messages of every record.
const CONTROL_BYTES = 1_024;

/** Messages fill a record up to this length. */
export const MESSAGE_BLOCK_BYTES: number = MAX_RECORD_BYTES - MAX_CHUNK_BYTES - MAX_ENVELOPE_OVERHEAD_BYTES -
  CONTROL_BYTES;

const MAX_SPARE_BLOCKS = 8;

interface Waiting {
  readonly envelope: Uint8Array;
  readonly settle: (accepted: boolean) => void;
}

/**
 * First in, first out. `post` is refused when too much waits; `send` waits for room, of which posts take none. Bodies
 * are copied at once. One that is too large for a record gets a block of its own.
 */
export class Outbox {
  /** What the other end does not read takes its room from it, a record aside. The bounds above are what holds it. */
  memory: MemoryAccount = UNBOUNDED_ACCOUNT;
  #chargedBytes = 0;
  #blocks: RecordBlock[] = [];
  #spare: RecordBlock[] = [];
  #waiting: Waiting[] = [];
  #bytes = 0;
  #messages = 0;
  #sent = 0;
  #sentBytes = 0;
  #isClosed = false;
  #drained: PromiseWithResolvers<void> | undefined;

  /** How many bytes wait. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether one more `send` would neither find room nor a place to wait. */
  get isOverflowing(): boolean {
    return this.#waiting.length >= MAX_WAITING_SENDERS;
  }

  /** To be called while it is open. @returns false when 8 MiB or 16,384 messages wait */
  post(topic: Uint8Array, body: Pieces): boolean {
    if (this.#bytes > MAX_POSTED_BYTES || this.#messages >= MAX_POSTED_MESSAGES) return false;
    const length = envelopeLength(0, 0, topic.length, piecesLength(body));
    const block = this.#blockFor(length);
    block.appendMessage(length, topic, body);
    this.#count(length);
    return true;
  }

  /** To be called while it is open and not overflowing. @returns whether the message is in the queue before it is closed */
  send(topic: Uint8Array, body: Uint8Array): Promise<boolean> {
    const length = envelopeLength(0, 0, topic.length, body.length);
    if (this.#waiting.length > 0 || !this.#hasRoomFor(length)) {
      const envelope = new Uint8Array(length);
      writeEnvelope(envelope, 0, EnvelopeKind.payload, 0, 0, topic, body);
      return new Promise((settle) => this.#waiting.push({ envelope, settle }));
    }
    const block = this.#blockFor(length);
    block.appendMessage(length, topic, body);
    this.#countSent(block, length);
    return Promise.resolve(true);
  }

  /** Removes the oldest block and lets in who waits. @returns it, or undefined when the queue is empty */
  shift(): RecordBlock | undefined {
    // Where there is one alone, as most often, its place is kept for the next.
    const block = this.#blocks.length > 1 ? this.#blocks.shift() : this.#blocks.pop();
    if (block === undefined) return undefined;
    this.#bytes -= block.length;
    this.#messages -= block.messages;
    this.#sent -= block.sent;
    this.#sentBytes -= block.sentBytes;
    this.#admit();
    this.#charge();
    if (this.#isHalfEmpty) this.#markDrained();
    return block;
  }

  /** @returns an empty block */
  blank(): RecordBlock {
    return this.#spare.pop() ?? new RecordBlock();
  }

  /** Takes a block back that was written. */
  recycle(block: RecordBlock): void {
    block.reset();
    if (this.#spare.length < MAX_SPARE_BLOCKS && block.capacityBytes <= 2 * MAX_RECORD_BYTES) {
      this.#spare.push(block);
    }
  }

  /** Gives spare blocks back. */
  release(): void {
    this.#spare = [];
  }

  /** Resolves when less than half of what `post` takes waits, or when it is closed. */
  drained(): Promise<void> {
    if (this.#isClosed || this.#isHalfEmpty) return Promise.resolve();
    this.#drained ??= Promise.withResolvers<void>();
    return this.#drained.promise;
  }

  /** Lets nothing more in; what is in the queue can still be taken. */
  close(): void {
    this.#isClosed = true;
    for (const { settle } of this.#waiting.splice(0)) settle(false);
    this.#markDrained();
  }

  /** Drops what is in the queue, and closes it. */
  clear(): void {
    this.close();
    this.#blocks = [];
    this.#spare = [];
    this.#bytes = this.#messages = 0;
    this.#sent = this.#sentBytes = 0;
    this.#charge();
  }

  #blockFor(length: number): RecordBlock {
    const last = this.#blocks.at(-1);
    if (last !== undefined && last.length + length <= MESSAGE_BLOCK_BYTES) return last;
    this.#charge();
    // Where one is full, the next one will be.
    const block = last === undefined ? this.blank() : this.#spare.pop() ?? new RecordBlock(MAX_RECORD_BYTES);
    this.#blocks.push(block);
    return block;
  }

  /** Follows what waits, a record late. */
  #charge(): void {
    const bytes = this.#bytes > MAX_RECORD_BYTES ? this.#bytes : 0;
    if (bytes > this.#chargedBytes) this.memory.charge(bytes - this.#chargedBytes);
    else if (bytes < this.#chargedBytes) this.memory.release(this.#chargedBytes - bytes);
    this.#chargedBytes = bytes;
  }

  #count(length: number): void {
    this.#messages++;
    this.#bytes += length;
  }

  #countSent(block: RecordBlock, length: number): void {
    this.#count(length);
    block.sent++;
    block.sentBytes += length;
    this.#sent++;
    this.#sentBytes += length;
  }

  #admit(): void {
    if (this.#waiting.length === 0) return;
    let admitted = 0;
    for (const { envelope, settle } of this.#waiting) {
      if (!this.#hasRoomFor(envelope.length)) break;
      const block = this.#blockFor(envelope.length);
      block.appendEncoded(envelope);
      block.messages++;
      this.#countSent(block, envelope.length);
      settle(true);
      admitted++;
    }
    if (admitted > 0) this.#waiting.splice(0, admitted);
  }

  #hasRoomFor(length: number): boolean {
    return this.#sent === 0 || this.#sent < SEND_ITEMS && this.#sentBytes + length <= SEND_BYTES;
  }

  get #isHalfEmpty(): boolean {
    return this.#bytes <= MAX_POSTED_BYTES / 2 && this.#messages <= MAX_POSTED_MESSAGES / 2;
  }

  #markDrained(): void {
    this.#drained?.resolve();
    this.#drained = undefined;
  }
}

/**
 * Streams over one channel, as a machine without effects: it is handed frames and asked for frames.
 *
 * Each stream has a window of its own: 64 KiB that the other end may send unasked, and 256 KiB for the first 64 streams
 * whose consumers read. Credit is given as the consumer reads, so one that reads nothing stops its own stream alone. There
 * is no window that streams share, so none waits for another, and nothing can lock up; what bounds the memory
 * is the number of those that are not over, 1,024 begun by each end: 2,048 × 64 KiB + 64 × 192 KiB = 140 MiB at the very most;
 * beside those whose consumers have asked for another window, because they read at once whatever comes;
 * and before that the account that what has arrived takes its room from. Without room for a piece its stream is reset.
 *
 * @module
 */

import { type MemoryAccount, ShortLivedMap, UNBOUNDED_ACCOUNT } from "../../base/mod.ts";
import {
  type EnvelopeDecoder,
  EnvelopeKind,
  envelopeLength,
  MAX_ENVELOPE_OVERHEAD_BYTES,
  MAX_RECORD_BYTES,
  type RecordBlock,
} from "../records/mod.ts";
import {
  INITIAL_WINDOW_BYTES,
  MAX_CHUNK_BYTES,
  MAX_HEADER_BYTES,
  StreamReset,
  StreamState,
  WIDE_WINDOW_BYTES,
} from "./stream_state.ts";

/** How many streams each end may have begun at a time. */
export const MAX_STREAMS = 1_024;

/** How many streams have the wide window. */
export const MAX_WIDE_STREAMS = 64;

// Nobody gives more; a sum that grows without end is a mistake.
const MAX_CREDIT_BYTES = 1 << 30;

// A chunk is cut to what is left of a record, but not smaller than this.
const MIN_CHUNK_BYTES = 1_024;

const MAX_ID = 0xffff_ffff;
const NOTHING = new Uint8Array(0);

/** The streams of one end of a channel. */
export class StreamMux {
  /** What has arrived and was not read takes its room from it; to be set before anything arrives. */
  memory: MemoryAccount = UNBOUNDED_ACCOUNT;
  #heldBytes = 0;
  readonly #onWork: () => void;
  readonly #streams = new ShortLivedMap<number, StreamState>();
  #nextId: number;
  #lastRemoteId: number;
  #ours = 0;
  #theirs = 0;
  #wide = 0;
  #isClosed = false;

  // What is to be sent: control in order; of streams, one chunk each in turn.
  #control: StreamState[] = [];
  #round: StreamState[] = [];
  #needsBlock = false;

  /**
   * @param role initiators have odd ids
   * @param onWork called when there is something to send
   */
  constructor(role: "initiator" | "responder", onWork: () => void) {
    this.#nextId = role === "initiator" ? 1 : 2;
    this.#lastRemoteId = role === "initiator" ? 0 : -1;
    this.#onWork = onWork;
  }

  /** How many streams are open. */
  get size(): number {
    return this.#streams.size;
  }

  /** Whether what is next found no room behind the messages of a record. */
  get needsBlock(): boolean {
    return this.#needsBlock;
  }

  /** Begins a stream; one that can't be is reset already. @throws RangeError when the header is too long */
  open(topic: Uint8Array, header: Uint8Array): StreamState {
    if (header.length > MAX_HEADER_BYTES) {
      throw new RangeError(`Cannot open a stream: a header holds ${MAX_HEADER_BYTES} bytes`);
    }
    const stream = new StreamState(this.#nextId, true);
    if (this.#isClosed || this.#ours >= MAX_STREAMS || this.#nextId > MAX_ID) {
      stream.isFinished = true;
      stream.resetCode = this.#isClosed ? StreamReset.channelClosed : StreamReset.tooMany;
      return stream;
    }
    this.#nextId += 2;
    this.#ours++;
    this.#streams.set(stream.id, stream);
    stream.opening = { topic, header: header.slice() };
    this.#join(stream);
    return stream;
  }

  /** The other end begins a stream. @returns undefined when it may not */
  accept(frame: EnvelopeDecoder): StreamState | undefined {
    const { number: id, dataBytes } = frame;
    const isNext = id > this.#lastRemoteId && (id - this.#lastRemoteId) % 2 === 0;
    if (!isNext || this.#theirs >= MAX_STREAMS || dataBytes > MAX_HEADER_BYTES) return undefined;
    this.#lastRemoteId = id;
    this.#theirs++;
    const stream = new StreamState(id, false);
    this.#streams.set(id, stream);
    return stream;
  }

  /** Handles a frame of a stream that was begun. @returns false when the other end may not send it */
  handle(frame: EnvelopeDecoder): boolean {
    const stream = this.#streams.get(frame.number);
    if (stream === undefined) return this.#wasOpen(frame.number);
    if (stream.resetCode !== undefined) return this.#handleLate(stream, frame);
    // The other end can't know of a stream that it was not told of.
    if (stream.opening !== undefined) return false;
    switch (frame.kind) {
      case EnvelopeKind.streamData:
        return this.#handleData(stream, frame);
      case EnvelopeKind.streamEnd:
        if (stream.hasReceivedEnd) return false;
        stream.hasReceivedEnd = true;
        stream.events.onReadable();
        this.#finishIfOver(stream);
        return true;
      case EnvelopeKind.streamCredit:
        if (frame.value === 0 || stream.sendCredit + frame.value > MAX_CREDIT_BYTES) return false;
        stream.sendCredit += frame.value;
        this.#join(stream);
        return true;
      default:
        this.#break(stream, frame.value);
        this.#finish(stream);
        return true;
    }
  }

  /** Sends bytes; `settle` learns when they are in records, or that they never will be. */
  write(stream: StreamState, bytes: Uint8Array, settle: (written: boolean) => void): void {
    if (stream.resetCode !== undefined || stream.sending !== "open") return settle(false);
    if (bytes.length === 0) return settle(true);
    stream.writes.push({ bytes, at: 0, settle });
    this.#join(stream);
  }

  /** Ends our direction after what was written. */
  end(stream: StreamState): void {
    if (stream.resetCode !== undefined || stream.sending !== "open") return;
    stream.sending = "ending";
    this.#join(stream);
  }

  /** @returns the oldest bytes that have arrived, which are credited to the other end; undefined without any */
  read(stream: StreamState): Uint8Array | undefined {
    const bytes = stream.received.shift();
    if (bytes === undefined) return undefined;
    this.#giveBack(bytes.length);
    if (!stream.hasReceivedEnd) this.#credit(stream);
    return bytes;
  }

  /** Ends both directions at once; what was not read is dropped. */
  reset(stream: StreamState, code: number): void {
    if (stream.resetCode !== undefined) return;
    if (stream.isFinished) return this.#drop(stream);
    const isKnownThere = stream.opening === undefined;
    this.#break(stream, code);
    if (!isKnownThere) return this.#finish(stream);
    // It counts until the other end is told, so that it can't have more under way than it may.
    stream.isResetDue = true;
    this.#due(stream);
  }

  /** Resets all streams without a word. */
  close(): void {
    this.#isClosed = true;
    for (const stream of this.#streams.values()) {
      if (stream.resetCode === undefined) this.#break(stream, StreamReset.channelClosed);
      this.#finish(stream);
    }
    this.#control = [];
    this.#round = [];
    // Of streams that were over before, and that nobody has read to the end.
    this.#giveBack(this.#heldBytes);
  }

  /** Adds credits and resets to a record, as far as they fit. @param limitBytes how long it may become */
  writeControl(block: RecordBlock, limitBytes: number): void {
    if (this.#control.length === 0) return;
    let done = 0;
    for (const stream of this.#control) {
      if (block.length + 2 * MAX_ENVELOPE_OVERHEAD_BYTES > limitBytes) break;
      done++;
      stream.isControlDue = false;
      if (stream.isFinished) continue;
      if (stream.isResetDue) {
        block.append(EnvelopeKind.streamReset, stream.id, stream.resetCode ?? 0, NOTHING, NOTHING);
        this.#finish(stream);
      } else if (stream.creditDue > 0) {
        block.append(EnvelopeKind.streamCredit, stream.id, stream.creditDue, NOTHING, NOTHING);
        stream.creditDue = 0;
      }
    }
    this.#control.splice(0, done);
  }

  /**
   * Adds what streams have to send, one chunk of each in turn, until the record is full.
   * @param mayExceed whether the block may become longer than a record, by a header
   */
  writeChunks(block: RecordBlock, mayExceed: boolean): void {
    this.#needsBlock = false;
    for (;;) {
      const stream = this.#round[0];
      if (stream === undefined) return;
      if (stream.isReady && !this.#writeTurn(stream, block, mayExceed)) return;
      this.#round.shift();
      stream.isInRound = false;
      this.#join(stream, false);
      this.#finishIfOver(stream);
    }
  }

  /** @returns false when there is no room for the turn of this stream */
  #writeTurn(stream: StreamState, block: RecordBlock, mayExceed: boolean): boolean {
    if (stream.opening !== undefined) {
      const { topic, header } = stream.opening;
      const length = envelopeLength(stream.id, 0, topic.length, header.length);
      if (!mayExceed && block.length + length > MAX_RECORD_BYTES) {
        this.#needsBlock = true;
        return false;
      }
      block.append(EnvelopeKind.streamOpen, stream.id, 0, topic, header);
      stream.opening = undefined;
    }
    const write = stream.writes[0];
    if (write !== undefined && stream.sendCredit > 0) {
      const room = MAX_RECORD_BYTES - MAX_ENVELOPE_OVERHEAD_BYTES - block.length;
      const wanted = Math.min(MAX_CHUNK_BYTES, stream.sendCredit, write.bytes.length - write.at);
      const length = Math.min(wanted, room);
      if (length < Math.min(wanted, MIN_CHUNK_BYTES)) return false;
      const chunk = write.bytes.subarray(write.at, write.at + length);
      block.append(EnvelopeKind.streamData, stream.id, 0, NOTHING, chunk);
      stream.sendCredit -= length;
      write.at += length;
      if (write.at === write.bytes.length) {
        stream.writes.shift();
        write.settle(true);
      }
    }
    if (stream.sending !== "ending" || stream.writes.length > 0) return true;
    if (block.length + MAX_ENVELOPE_OVERHEAD_BYTES > MAX_RECORD_BYTES) return false;
    block.append(EnvelopeKind.streamEnd, stream.id, 0, NOTHING, NOTHING);
    stream.sending = "ended";
    return true;
  }

  /** What was on its way when we reset the stream. When the other end is done with it by then, it counts no more. */
  #handleLate(stream: StreamState, frame: EnvelopeDecoder): true {
    if (frame.kind === EnvelopeKind.streamEnd) stream.hasReceivedEnd = true;
    const isOver = stream.hasReceivedEnd && stream.sending === "ended";
    if (isOver || frame.kind === EnvelopeKind.streamReset) this.#finish(stream);
    return true;
  }

  #handleData(stream: StreamState, frame: EnvelopeDecoder): boolean {
    const { dataBytes } = frame;
    if (stream.hasReceivedEnd || dataBytes === 0 || dataBytes > stream.receiveCredit) return false;
    stream.receiveCredit -= dataBytes;
    if (!this.memory.claim(dataBytes)) {
      this.reset(stream, StreamReset.noMemory);
      return true;
    }
    this.#heldBytes += dataBytes;
    stream.received.push(frame.data);
    stream.events.onReadable();
    return true;
  }

  /** Gives a stream a window of its own; to be called when the other end has said that it knows the stream. */
  setWindow(stream: StreamState, windowBytes: number): void {
    stream.windowBytes = windowBytes;
    const isKnownThere = stream.opening === undefined;
    if (isKnownThere && !stream.hasReceivedEnd && stream.resetCode === undefined) this.#credit(stream);
  }

  /** Gives credit when a quarter of the window is free. */
  #credit(stream: StreamState): void {
    if (!stream.isWide && stream.windowBytes === undefined && this.#wide < MAX_WIDE_STREAMS) {
      stream.isWide = true;
      this.#wide++;
    }
    const window = stream.windowBytes ?? (stream.isWide ? WIDE_WINDOW_BYTES : INITIAL_WINDOW_BYTES);
    const free = window - stream.receiveCredit - stream.received.length;
    if (free < window / 4) return;
    stream.receiveCredit += free;
    stream.creditDue += free;
    this.#due(stream);
  }

  /** @returns whether there ever was a stream of this id */
  #wasOpen(id: number): boolean {
    if (id === 0) return false;
    return id % 2 === this.#nextId % 2 ? id < this.#nextId : id <= this.#lastRemoteId;
  }

  #join(stream: StreamState, isNews = true): void {
    if (stream.isInRound || !stream.isReady) return;
    stream.isInRound = true;
    this.#round.push(stream);
    if (isNews) this.#onWork();
  }

  #due(stream: StreamState): void {
    if (stream.isControlDue) return;
    stream.isControlDue = true;
    this.#control.push(stream);
    this.#onWork();
  }

  #break(stream: StreamState, code: number): void {
    stream.resetCode = code;
    this.#drop(stream);
    for (const { settle } of stream.writes.splice(0)) settle(false);
    stream.events.onReadable();
    stream.events.onClosed();
  }

  /** Drops what was not read. */
  #drop(stream: StreamState): void {
    this.#giveBack(stream.received.length);
    stream.received.clear();
  }

  /** What is read after the end of the channel was given back then. */
  #giveBack(bytes: number): void {
    const held = Math.min(bytes, this.#heldBytes);
    if (held === 0) return;
    this.#heldBytes -= held;
    this.memory.release(held);
  }

  #finishIfOver(stream: StreamState): void {
    if (stream.resetCode !== undefined || stream.isFinished) return;
    if (!stream.hasReceivedEnd || stream.sending !== "ended") return;
    this.#finish(stream);
    stream.events.onClosed();
  }

  #finish(stream: StreamState): void {
    if (stream.isFinished) return;
    stream.isFinished = true;
    this.#streams.delete(stream.id);
    if (stream.isOurs) this.#ours--;
    else this.#theirs--;
    if (stream.isWide) this.#wide--;
  }
}

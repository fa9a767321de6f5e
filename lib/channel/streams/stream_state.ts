/**
 * One stream: what it may send, what it has received, how it ends.
 *
 * ```
 *   sending:    open --end()--> ending --written--> ended        at any time, by either end: reset
 *   receiving:  open --------the other end's end--> ended        both ended: finished
 * ```
 *
 * @module
 */

/** What each end may send on a new stream before it is given credit. */
export const INITIAL_WINDOW_BYTES: number = 64 << 10;

/** What may be under way or unread on a stream whose consumer reads. */
export const WIDE_WINDOW_BYTES: number = 256 << 10;

/** The most data of one frame. */
export const MAX_CHUNK_BYTES: number = 16 << 10;

/** The longest header of a stream. */
export const MAX_HEADER_BYTES: number = 64 << 10;

/** The largest code of a reset that is free to use; those above are the channel's. */
export const MAX_RESET_CODE = 0xffff_ffef;

/** Why the channel itself resets streams. */
export const StreamReset = {
  /** Nobody has asked for streams of the topic. */
  noHandler: 0xffff_fff0,
  /** There are too many streams. */
  tooMany: 0xffff_fff1,
  /** The channel was closed. */
  channelClosed: 0xffff_fff2,
  /** What waits here of the other end takes all the room that it has. */
  noMemory: 0xffff_fff3,
} as const;

/** How a `ChannelStream` learns of changes, each in a synchronous turn. */
export interface StreamEvents {
  /** There is something to read, or the end. */
  onReadable(): void;
  /** Both directions have ended. */
  onClosed(): void;
}

/** A call of `write` that is not over. */
export interface PendingWrite {
  readonly bytes: Uint8Array;
  /** How much of it is in records. */
  at: number;
  readonly settle: (written: boolean) => void;
}

/** The state of one stream, which its `StreamMux` alone changes. */
export class StreamState {
  readonly id: number;
  readonly isOurs: boolean;
  events: StreamEvents = { onReadable() {}, onClosed() {} };
  resetCode: number | undefined;
  isFinished = false;

  // Sending.
  /** What the other end has not been told yet. */
  opening: { readonly topic: Uint8Array; readonly header: Uint8Array } | undefined;
  sending: "open" | "ending" | "ended" = "open";
  sendCredit: number = INITIAL_WINDOW_BYTES;
  readonly writes: PendingWrite[] = [];
  /** Whether it is in the round of those that have something to send. */
  isInRound = false;

  // Receiving.
  readonly received: ByteQueue = new ByteQueue();
  hasReceivedEnd = false;
  /** What the other end may still send. */
  receiveCredit: number = INITIAL_WINDOW_BYTES;
  isWide = false;
  /** What its consumer has asked for in place of the usual windows. */
  windowBytes: number | undefined;

  // Control that is due.
  creditDue = 0;
  isResetDue = false;
  isControlDue = false;

  constructor(id: number, isOurs: boolean) {
    this.id = id;
    this.isOurs = isOurs;
  }

  /** Whether there is something to send now. */
  get isReady(): boolean {
    if (this.resetCode !== undefined || this.sending === "ended") return false;
    if (this.opening !== undefined) return true;
    return this.writes.length > 0 ? this.sendCredit > 0 : this.sending === "ending";
  }
}

// Pieces that are smaller share a buffer of this size, so that many small ones cost little more than their bytes.
const SHARED_BYTES = 4_096;

interface Part {
  readonly bytes: Uint8Array;
  filled: number;
}

/** Bytes that have arrived and wait for their reader, first in, first out; what goes in is copied. */
export class ByteQueue {
  #parts: Part[] = [];
  #length = 0;

  /** How many bytes wait. */
  get length(): number {
    return this.#length;
  }

  /** Adds a copy of `bytes`. */
  push(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#length += bytes.length;
    let rest = bytes;
    const last = this.#parts.at(-1);
    if (last !== undefined) {
      const first = rest.subarray(0, last.bytes.length - last.filled);
      last.bytes.set(first, last.filled);
      last.filled += first.length;
      rest = rest.subarray(first.length);
      if (rest.length === 0) return;
    }
    // The first piece is likely to be taken before another comes.
    const isShared = last !== undefined && rest.length < SHARED_BYTES;
    const part = isShared ? new Uint8Array(SHARED_BYTES) : rest.slice();
    if (isShared) part.set(rest);
    this.#parts.push({ bytes: part, filled: rest.length });
  }

  /** @returns the oldest bytes, as many as lie together; they are the caller's. Undefined when there are none */
  shift(): Uint8Array | undefined {
    const part = this.#parts.shift();
    if (part === undefined) return undefined;
    this.#length -= part.filled;
    return part.bytes.subarray(0, part.filled);
  }

  /** Drops everything. */
  clear(): void {
    this.#parts = [];
    this.#length = 0;
  }
}

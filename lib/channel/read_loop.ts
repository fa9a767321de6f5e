/**
 * Takes records from the stream, and hands on what is in them.
 * @module
 */

import type { Clock, EventLoopYield, MemoryAccount } from "../base/mod.ts";
import type { ChannelDropReason } from "./errors.ts";
import type { KeepAlive } from "./keep_alive.ts";
import type { RecordWriter } from "./record_writer.ts";
import { EnvelopeDecoder, EnvelopeReader, type HandshakeResult } from "./records/mod.ts";
import { MAX_HEADER_BYTES } from "./streams/mod.ts";

/** After this long others have their turn, in milliseconds; to end a turn costs 25 µs. */
export const TURN_MS = 4;

// To read the clock costs a thirtieth of what a short message does. A long one may cost its handler a hundred times as much.
const MESSAGES_PER_CHECK = 16;
const BYTES_OF_MESSAGE = 1_024;

/** A read of what is there already is over after fewer microtasks, whatever the stream consists of. */
const STEPS_OF_READ = 16;

/** Where records come from, and what becomes of them. */
export interface ReadLoopOptions extends Pick<HandshakeResult, "frames" | "opener"> {
  readonly maxMessageBytes: number;
  /** Hears of every record that is authentic. */
  readonly keepAlive: KeepAlive;
  /** Writes, before the wait for more, what the handlers had to say. */
  readonly writer: RecordWriter;
  /** Whether the channel is closed, after which nothing is read. */
  readonly isClosed: () => boolean;
  /** Handed every envelope, which is valid until it returns; a promise holds back what comes after. */
  readonly onEnvelope: (frame: EnvelopeDecoder) => Promise<void> | undefined;
  /** Called when the stream has ended. */
  readonly onEnd: () => void;
  /** Called with the reason why nothing more can be read. */
  readonly onFault: (reason: ChannelDropReason) => void;
}

/** Reads until the stream or the channel ends. */
export class ReadLoop {
  readonly #options: ReadLoopOptions;
  readonly #envelopes: EnvelopeReader;
  readonly #frame = new EnvelopeDecoder();
  /** Without one the loop goes on for as long as there is something to read. */
  turnBudget: TurnBudget | undefined;

  constructor(options: ReadLoopOptions) {
    this.#options = options;
    this.#envelopes = new EnvelopeReader(Math.max(options.maxMessageBytes, MAX_HEADER_BYTES));
  }

  /** What envelopes that come in several records take their room from. */
  set memory(account: MemoryAccount) {
    this.#envelopes.memory = account;
  }

  /** Gives the room back of what has begun to arrive; nothing is read any more. */
  close(): void {
    this.#envelopes.release();
  }

  /** To be called once. */
  async run(): Promise<void> {
    const { frames, opener, keepAlive, writer, isClosed, onEnd, onFault } = this.#options;
    let isHeard = false;
    while (!isClosed()) {
      const plaintext = opener.open(frames);
      if (plaintext === undefined) {
        writer.endTurn();
        isHeard = false;
        const filling = frames.fill();
        const yielding = this.turnBudget?.yieldBefore(filling);
        if (yielding !== undefined) await yielding;
        const isOpen = await filling;
        if (!isOpen && !isClosed()) onEnd();
        continue;
      }
      if (plaintext === "rejected") return onFault("channel-record-rejected");
      // Once for all that a read has brought: to read the clock costs as much as a short record.
      if (!isHeard) keepAlive.heard();
      isHeard = true;
      writer.beginTurn();
      this.#envelopes.append(plaintext);
      const waiting = this.#handleEnvelopes();
      if (waiting === undefined) continue;
      writer.pauseTurn();
      await waiting;
    }
  }

  /** @returns a promise only when the other end has to wait */
  #handleEnvelopes(): Promise<void> | undefined {
    const { isClosed, onEnvelope, onFault } = this.#options;
    const frame = this.#frame;
    const envelopes = this.#envelopes;
    while (!isClosed()) {
      const outcome = envelopes.next();
      if (outcome === "incomplete") return undefined;
      if (outcome === "too-long") return void onFault("channel-message-too-long");
      if (!frame.decode(envelopes.bytes, envelopes.start, envelopes.end)) {
        return void onFault("channel-message-malformed");
      }
      const waiting = onEnvelope(frame) ?? this.turnBudget?.countMessage(frame.dataBytes);
      if (waiting !== undefined) return this.#resumeAfter(waiting);
    }
    return undefined;
  }

  /** By itself, since a closure costs its function an object in every call. */
  #resumeAfter(waiting: Promise<void>): Promise<void> {
    return waiting.then(() => this.#handleEnvelopes());
  }
}

/**
 * One channel's share of the event loop: it goes on for `TURN_MS`, then the other channels, timers and sockets come
 * first. So whoever says more than this end can work off keeps itself waiting, down to its own socket, and nobody else.
 *
 * Time goes on counting from one read to the next, as a read of what is there already gives nobody else a turn. A read
 * that has to wait does, and nothing is yielded before it: whoever says one thing at a time is kept waiting by nobody.
 */
export class TurnBudget {
  readonly #clock: Clock;
  readonly #eventLoop: EventLoopYield;
  #endsAt: number;
  #unchecked = 0;

  constructor(clock: Clock, eventLoop: EventLoopYield) {
    this.#clock = clock;
    this.#eventLoop = eventLoop;
    this.#endsAt = clock.now() + TURN_MS;
  }

  /**
   * To be called where a read has begun.
   * @param read settles when it is over
   * @returns a promise when the turn is over and the read gives nobody a turn; it resolves when others had theirs
   */
  yieldBefore(read: Promise<unknown>): Promise<void> | undefined {
    return this.#clock.now() < this.#endsAt ? undefined : this.#yieldUnlessWaiting(read);
  }

  async #yieldUnlessWaiting(read: Promise<unknown>): Promise<void> {
    let isRead = false;
    void read.then(() => isRead = true);
    for (let i = 0; i < STEPS_OF_READ && !isRead; i++) await undefined;
    await (isRead ? this.#eventLoop.yieldNow() : read);
    this.#begin();
  }

  #begin(): void {
    this.#unchecked = 0;
    this.#endsAt = this.#clock.now() + TURN_MS;
  }

  /**
   * To be called after each message; the clock is read for one in 16, or after 16 KiB.
   * @returns a promise when the turn is over, which resolves when others had theirs
   */
  countMessage(bytes: number): Promise<void> | undefined {
    this.#unchecked += 1 + bytes / BYTES_OF_MESSAGE;
    if (this.#unchecked < MESSAGES_PER_CHECK) return undefined;
    this.#unchecked = 0;
    if (this.#clock.now() < this.#endsAt) return undefined;
    return this.#eventLoop.yieldNow().then(() => this.#begin());
  }
}

/**
 * An open channel.
 *
 * ```
 *   open --close()--> closing --the other end closes, or CLOSE_TIMEOUT_MS--> closed
 *    +----the other end closes, the stream breaks, garbage, silence-----------^
 * ```
 *
 * @module
 */

import type { ByteStream, Clock, Counters, Millis, Timers } from "../base/mod.ts";
import { utf8Bytes } from "../base/mod.ts";
import type { PublicKey } from "../crypto/mod.ts";
import type { ChannelDropReason } from "./drop_reason.ts";
import {
  type ChannelMessage,
  decodeEnvelope,
  encodeEnvelope,
  type Envelope,
  EnvelopeReader,
  MAX_TOPIC_BYTES,
} from "./envelope_stream.ts";
import type { FrameReader } from "./frame_reader.ts";
import { KeepAlive } from "./keep_alive.ts";
import { MessageQueue } from "./message_queue.ts";
import type { RecordOpener, RecordSealer } from "./record_cipher.ts";

/** How long a closing channel waits for what is queued to go out and for the other end to close. */
export const CLOSE_TIMEOUT_MS = 1_000;

// Each direction holds at most this much; one message always fits.
const QUEUE_ITEMS = 64;
const QUEUE_BYTES = 4 << 20;
const MAX_WAITING_SENDERS = 1_024;

const MAX_REASON_CHARACTERS = 100;

/** What a handshake leaves behind. */
export interface ChannelOptions {
  readonly frames: FrameReader;
  readonly sealer: RecordSealer;
  readonly opener: RecordOpener;
  readonly remoteStatic: PublicKey;
  readonly reply: Uint8Array;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly counters: Counters<ChannelDropReason>;
  readonly maxMessageBytes: number;
}

/**
 * Messages to and from one authenticated node, made by `openChannel` or `acceptChannel`.
 *
 * Received messages wait for `receive` until there are 64 or 4 MiB of them; then the stream is read no further, pings
 * of the other end stay unanswered and its messages wait there. The channel lives on meanwhile, since each end
 * pings on its own.
 */
export class Channel {
  /** Who is at the other end. */
  readonly remoteStatic: PublicKey;
  /** Where the other end is, for people. */
  readonly remoteAddress: string;
  /** At the initiator, what the other side answered to the hello; at the responder, what it answered itself. */
  readonly reply: Uint8Array;
  /** Resolves when the stream is closed, for whatever reason; it never rejects. */
  readonly closed: Promise<void>;

  readonly #stream: ByteStream;
  readonly #options: ChannelOptions;
  readonly #keepAlive: KeepAlive;
  readonly #inbox = new MessageQueue<ChannelMessage>(
    (message) => message.body.length,
    { items: QUEUE_ITEMS, bytes: QUEUE_BYTES, waiting: 1 },
  );
  readonly #outbox = new MessageQueue<Uint8Array>(
    (envelope) => envelope.length,
    { items: QUEUE_ITEMS, bytes: QUEUE_BYTES, waiting: MAX_WAITING_SENDERS },
  );
  readonly #markClosed: () => void;

  #state: "open" | "closing" | "closed" = "open";
  #receiver: ((message: ChannelMessage | undefined) => void) | undefined;
  #isWriting = false;
  #closeReason: string | undefined;
  #closeDue: string | undefined;
  #cancelClose: () => void = () => {};

  // Pings: one is under way at a time; of the other end's, the last one is answered.
  #pinging:
    | { number: number; sentAt: Millis | undefined; result: PromiseWithResolvers<number | undefined> }
    | undefined;
  #pingDue = false;
  #pongDue: number | undefined;
  #lastPingNumber = 0;
  #lastRttMs: number | undefined;

  /** Takes over a stream whose handshake is complete, and starts to read. */
  constructor(stream: ByteStream, options: ChannelOptions) {
    this.remoteStatic = options.remoteStatic;
    this.remoteAddress = stream.remoteAddress;
    this.reply = options.reply;
    this.#stream = stream;
    this.#options = options;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.closed = promise;
    this.#markClosed = resolve;
    this.#keepAlive = new KeepAlive({
      clock: options.clock,
      timers: options.timers,
      onQuiet: () => this.#startPing(),
      onDead: () => this.#fail("channel-peer-silent"),
    });
    void this.#readRecords();
  }

  /** The round trip time of the last ping that was answered, in milliseconds. */
  get lastRttMs(): number | undefined {
    return this.#lastRttMs;
  }

  /** What the other end gave as its reason for closing, at most 100 characters; undefined without a goodbye. */
  get closeReason(): string | undefined {
    return this.#closeReason;
  }

  /**
   * Queues a message, waiting while 64 messages or 4 MiB are queued already. A channel on which 1024 calls wait is
   * given up.
   *
   * @returns true when it is queued; that it arrives is not promised. False when the channel is closing or closed
   * @throws RangeError when the topic is longer than 255 bytes or the body longer than the channel's limit
   */
  async send(message: ChannelMessage): Promise<boolean> {
    const { maxMessageBytes } = this.#options;
    if (message.body.length > maxMessageBytes) {
      throw new RangeError(
        `Cannot send ${message.body.length} bytes: a message holds ${maxMessageBytes}`,
      );
    }
    if (utf8Bytes(message.topic).length > MAX_TOPIC_BYTES) {
      throw new RangeError(`Cannot send: the topic is longer than ${MAX_TOPIC_BYTES} bytes`);
    }
    if (this.#state !== "open") return false;
    if (this.#outbox.isOverflowing) {
      this.#fail("channel-send-overflow");
      return false;
    }
    const queued = this.#outbox.push(encodeEnvelope({ kind: "payload", message }));
    void this.#writeRecords();
    return await queued;
  }

  /**
   * Waits for a message. What arrived before the other end closed is still given out.
   * @returns it, or undefined when the channel is closed and there are no more
   * @throws TypeError when another call waits already
   */
  async receive(): Promise<ChannelMessage | undefined> {
    const message = this.#inbox.shift();
    if (message !== undefined) return message;
    if (this.#state !== "open") return undefined;
    if (this.#receiver !== undefined) throw new TypeError("Cannot receive: another call waits already");
    return await new Promise((resolve) => this.#receiver = resolve);
  }

  /**
   * Asks the other end for a sign of life; calls at the same time share one ping.
   * @returns the round trip time in milliseconds, or undefined when the channel closes before the answer
   */
  ping(): Promise<number | undefined> {
    if (this.#state !== "open") return Promise.resolve(undefined);
    if (this.#pinging === undefined) this.#startPing();
    return this.#pinging?.result.promise ?? Promise.resolve(undefined);
  }

  /**
   * Closes: what is queued for sending goes out first, within `CLOSE_TIMEOUT_MS`; what waits for `receive` is dropped.
   * Harmless when repeated.
   * @param reason for people at the other end; it is cut to 100 characters
   */
  close(reason = ""): void {
    if (this.#state !== "open") return;
    this.#state = "closing";
    this.#closeDue = reason.slice(0, MAX_REASON_CHARACTERS);
    this.#inbox.clear();
    this.#outbox.close();
    this.#stopWaiting();
    this.#cancelClose = this.#options.timers.setTimer(CLOSE_TIMEOUT_MS, () => this.#shutDown());
    void this.#writeRecords();
  }

  async #readRecords(): Promise<void> {
    const { frames, opener, maxMessageBytes } = this.#options;
    const envelopes = new EnvelopeReader(maxMessageBytes);
    for (;;) {
      const record = await frames.read();
      if (this.#isClosed()) return;
      if (record === undefined) return this.#shutDown();
      const plaintext = opener.open(record);
      // A record without plaintext says nothing; only the handshake's confirmation is one.
      if (plaintext === undefined || plaintext.length === 0) return this.#fail("channel-record-rejected");
      this.#keepAlive.heard();
      envelopes.append(plaintext);
      for (;;) {
        const bytes = envelopes.next();
        if (bytes === undefined) break;
        if (bytes === "too-long") return this.#fail("channel-message-too-long");
        const envelope = decodeEnvelope(bytes);
        if (envelope === undefined) return this.#fail("channel-message-malformed");
        if (envelope.kind === "payload") await this.#deliver(envelope.message);
        else this.#handle(envelope);
        if (this.#isClosed()) return;
      }
    }
  }

  async #deliver(message: ChannelMessage): Promise<void> {
    if (message.body.length > this.#options.maxMessageBytes) return this.#fail("channel-message-too-long");
    if (this.#state !== "open") return;
    const receiver = this.#receiver;
    if (receiver !== undefined) {
      this.#receiver = undefined;
      return receiver(message);
    }
    const delivered = this.#inbox.push(message);
    this.#keepAlive.holdBack(true);
    await delivered;
    this.#keepAlive.holdBack(false);
  }

  #handle(envelope: Exclude<Envelope, { kind: "payload" }>): void {
    if (envelope.kind === "close") {
      this.#closeReason = envelope.reason.slice(0, MAX_REASON_CHARACTERS);
      return this.#shutDown();
    }
    if (envelope.kind === "ping") {
      this.#pongDue = envelope.number;
      void this.#writeRecords();
      return;
    }
    // An answer to a ping that was sent twice comes twice.
    const pinging = this.#pinging;
    if (pinging?.sentAt === undefined || pinging.number !== envelope.number) return;
    this.#pinging = undefined;
    this.#lastRttMs = this.#options.clock.now() - pinging.sentAt;
    pinging.result.resolve(this.#lastRttMs);
  }

  /** Sends a ping, or the one under way once more. */
  #startPing(): void {
    this.#pinging ??= {
      number: this.#lastPingNumber = (this.#lastPingNumber + 1) >>> 0,
      sentAt: undefined,
      result: Promise.withResolvers(),
    };
    this.#pingDue = true;
    void this.#writeRecords();
  }

  /** Writes until nothing is due; only one turn of it is under way. */
  async #writeRecords(): Promise<void> {
    if (this.#isWriting) return;
    this.#isWriting = true;
    for (;;) {
      const envelope = this.#nextEnvelope();
      if (envelope === undefined) break;
      if (!await this.#stream.write(this.#options.sealer.seal(envelope))) {
        this.#shutDown();
        break;
      }
    }
    this.#isWriting = false;
  }

  #nextEnvelope(): Uint8Array | undefined {
    if (this.#state === "closed") return undefined;
    if (this.#state === "open" && this.#pongDue !== undefined) {
      const number = this.#pongDue;
      this.#pongDue = undefined;
      return encodeEnvelope({ kind: "pong", number });
    }
    if (this.#state === "open" && this.#pingDue && this.#pinging !== undefined) {
      this.#pingDue = false;
      this.#pinging.sentAt ??= this.#options.clock.now();
      return encodeEnvelope({ kind: "ping", number: this.#pinging.number });
    }
    const queued = this.#outbox.shift();
    if (queued !== undefined || this.#closeDue === undefined) return queued;
    const reason = this.#closeDue;
    this.#closeDue = undefined;
    return encodeEnvelope({ kind: "close", reason });
  }

  #fail(reason: ChannelDropReason): void {
    if (this.#isClosed()) return;
    this.#options.counters.count(reason);
    this.#shutDown();
  }

  #shutDown(): void {
    if (this.#isClosed()) return;
    this.#state = "closed";
    this.#cancelClose();
    this.#inbox.close();
    this.#outbox.clear();
    this.#stopWaiting();
    this.#stream.close();
    this.#options.sealer.wipe();
    this.#options.opener.wipe();
    this.#markClosed();
  }

  /** Lets go whoever waits for the other end. */
  #stopWaiting(): void {
    this.#keepAlive.stop();
    this.#receiver?.(undefined);
    this.#receiver = undefined;
    this.#pinging?.result.resolve(undefined);
    this.#pinging = undefined;
  }

  // As a call, since the state changes behind the compiler's back while something is awaited.
  #isClosed(): boolean {
    return this.#state === "closed";
  }
}

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
import type { PublicKey } from "../crypto/mod.ts";
import { ChannelStream } from "./channel_stream.ts";
import type { ChannelDropReason } from "./drop_reason.ts";
import { EnvelopeDecoder, EnvelopeKind, type Pieces, piecesLength } from "./envelope_codec.ts";
import { type ChannelMessage, EnvelopeReader, MAX_TOPIC_BYTES } from "./envelope_stream.ts";
import type { FrameReader } from "./frame_reader.ts";
import { KeepAlive } from "./keep_alive.ts";
import { MessageQueue } from "./message_queue.ts";
import { MESSAGE_BLOCK_BYTES, Outbox } from "./outbox.ts";
import type { RecordOpener, RecordSealer } from "./record_cipher.ts";
import { RecordWriter } from "./record_writer.ts";
import { StreamMux } from "./stream_mux.ts";
import { MAX_HEADER_BYTES, StreamReset } from "./stream_state.ts";
import { TopicTable } from "./topic_table.ts";

/** How long a closing channel waits for what is queued to go out and for the other end to close. */
export const CLOSE_TIMEOUT_MS = 1_000;

// What waits for `receive`; one message always fits.
const INBOX_ITEMS = 64;
const INBOX_BYTES = 4 << 20;

const MAX_REASON_CHARACTERS = 100;

/** Is handed the body of a message: a view that is valid until it returns. */
export type MessageHandler = (body: Uint8Array) => void;

/** Is handed a stream that the other end has begun, and the header that goes with it. */
export type StreamHandler = (stream: ChannelStream, header: Uint8Array) => void;

/** What a handshake leaves behind. */
export interface ChannelOptions {
  readonly role: "initiator" | "responder";
  readonly frames: FrameReader;
  readonly sealer: RecordSealer;
  readonly opener: RecordOpener;
  /** Undefined where the file system vouches for the other end. */
  readonly remoteStatic: PublicKey | undefined;
  readonly reply: Uint8Array;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly counters: Counters<ChannelDropReason>;
  readonly maxMessageBytes: number;
}

/**
 * Messages and streams to and from one authenticated node, made by `openChannel` or `acceptChannel`; or another program
 * of this host, by `openLocalChannel` or `acceptLocalChannel`.
 *
 * Messages of an attached topic go to their handler as they arrive. All others wait for `receive` until there are 64 or
 * 4 MiB of them; then the stream is read no further, pings of the other end stay unanswered and its messages wait
 * there. The channel lives on meanwhile, since each end pings on its own.
 */
export class Channel {
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
    { items: INBOX_ITEMS, bytes: INBOX_BYTES, waiting: 1 },
  );
  readonly #outbox = new Outbox();
  readonly #streams: StreamMux;
  readonly #writer: RecordWriter;
  readonly #topics = new TopicTable<MessageHandler>();
  readonly #streamHandlers = new Map<string, StreamHandler>();
  readonly #frame = new EnvelopeDecoder();
  readonly #markClosed: () => void;

  #state: "open" | "closing" | "closed" = "open";
  #receiver: ((message: ChannelMessage | undefined) => void) | undefined;
  #isWriting = false;
  #isWriteDue = false;
  #closeReason: string | undefined;
  #cancelClose: () => void = () => {};

  // Pings: one is under way at a time; of the other end's, the last one is answered.
  #pinging:
    | { number: number; sentAt: Millis | undefined; result: PromiseWithResolvers<number | undefined> }
    | undefined;
  #lastPingNumber = 0;
  #lastRttMs: number | undefined;

  /** Takes over a stream whose handshake is complete, and starts to read when the turn is over. */
  constructor(stream: ByteStream, options: ChannelOptions) {
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
    this.#streams = new StreamMux(options.role, () => this.#scheduleWrite());
    this.#writer = new RecordWriter({
      sealer: options.sealer,
      outbox: this.#outbox,
      streams: this.#streams,
      onPing: () => this.#notePing(),
    });
    options.frames.readAhead();
    queueMicrotask(() => void this.#readRecords());
  }

  /**
   * Who is at the other end.
   * @throws TypeError when the channel is local: whoever is there has shown no key
   */
  get remoteStatic(): PublicKey {
    const { remoteStatic } = this.#options;
    if (remoteStatic === undefined) throw new TypeError("The other end of a local channel has no key");
    return remoteStatic;
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
    const topic = this.#checked(message.topic, message.body.length);
    if (this.#state !== "open") return false;
    if (this.#outbox.isOverflowing) {
      this.#fail("channel-send-overflow");
      return false;
    }
    const queued = this.#outbox.send(topic, message.body);
    this.#scheduleWrite();
    return await queued;
  }

  /**
   * Queues a message without a promise; the body is copied at once. Messages of `post` and `send` go out in the order of
   * the calls, but for `send` that wait for room.
   *
   * @param body one piece, or several that make one message
   * @returns false when the channel is not open, or 8 MiB or 16,384 messages are queued: `drained` tells when to go on
   * @throws RangeError when the topic is longer than 255 bytes or the body longer than the channel's limit
   */
  post(topic: string, body: Pieces): boolean {
    const topicBytes = this.#checked(topic, piecesLength(body));
    if (this.#state !== "open" || !this.#outbox.post(topicBytes, body)) return false;
    this.#scheduleWrite();
    return true;
  }

  /** How many bytes are queued and not being written yet. */
  get queuedBytes(): number {
    return this.#outbox.bytes;
  }

  /** @returns a promise that resolves when less than half of what `post` takes is queued, or the channel is closed */
  drained(): Promise<void> {
    return this.#outbox.drained();
  }

  /**
   * Hands messages of a topic to `handler` as they arrive, in the same turn and without a queue; those that wait for
   * `receive` already come first. A handler that throws ends the channel.
   * @throws TypeError when the topic has a handler
   */
  attach(topic: string, handler: MessageHandler): void {
    this.#topics.add(topic, handler);
    for (const message of this.#inbox.extract((message) => message.topic === topic)) {
      if (this.#state === "open") this.#call(() => handler(message.body));
    }
  }

  /**
   * Begins a stream; nothing of it needs an answer before bytes are written.
   * @param header goes with it, at most 64 KiB
   * @returns the stream; one that is reset already when the channel is not open, or 1,024 streams of this end are
   * @throws RangeError when the topic or the header is too long
   */
  openStream(topic: string, header: Uint8Array): ChannelStream {
    if (header.length > MAX_HEADER_BYTES) {
      throw new RangeError(`Cannot open a stream: a header holds ${MAX_HEADER_BYTES} bytes`);
    }
    return new ChannelStream(this.#streams, this.#streams.open(this.#checked(topic, 0), header));
  }

  /**
   * Hands streams that the other end begins to `handler`, in the turn in which they arrive. Streams of other topics are
   * reset. A handler that throws ends the channel.
   * @throws TypeError when the topic has a handler
   */
  onStream(topic: string, handler: StreamHandler): void {
    if (this.#streamHandlers.has(topic)) throw new TypeError(`Cannot serve ${topic}: it has a handler`);
    this.#streamHandlers.set(topic, handler);
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
    this.#writer.pongDue = this.#writer.pingDue = undefined;
    this.#writer.closeDue = reason.slice(0, MAX_REASON_CHARACTERS);
    this.#inbox.clear();
    this.#outbox.close();
    this.#streams.close();
    this.#stopWaiting();
    this.#cancelClose = this.#options.timers.setTimer(CLOSE_TIMEOUT_MS, () => this.#shutDown());
    void this.#writeRecords();
  }

  async #readRecords(): Promise<void> {
    const { frames, opener, maxMessageBytes } = this.#options;
    const envelopes = new EnvelopeReader(Math.max(maxMessageBytes, MAX_HEADER_BYTES));
    while (!this.#isClosed()) {
      const record = frames.take();
      if (record === undefined) {
        // What the handlers had to say leaves before the wait for more.
        if (this.#isWriteDue) void this.#writeRecords();
        const isOpen = await frames.fill();
        if (!isOpen && !this.#isClosed()) this.#shutDown();
        continue;
      }
      const plaintext = opener.open(record);
      // A record without plaintext says nothing; only the handshake's confirmation is one.
      if (plaintext === undefined || plaintext.length === 0) return this.#fail("channel-record-rejected");
      this.#keepAlive.heard();
      envelopes.append(plaintext);
      const waiting = this.#handleEnvelopes(envelopes);
      if (waiting !== undefined) await waiting;
    }
  }

  /** @returns a promise only when the other end has to wait */
  #handleEnvelopes(envelopes: EnvelopeReader): Promise<void> | undefined {
    const frame = this.#frame;
    while (!this.#isClosed()) {
      const outcome = envelopes.next();
      if (outcome === "incomplete") return undefined;
      if (outcome === "too-long") return void this.#fail("channel-message-too-long");
      if (!frame.decode(envelopes.bytes, envelopes.start, envelopes.end)) {
        return void this.#fail("channel-message-malformed");
      }
      if (frame.kind !== EnvelopeKind.payload) this.#handle(frame);
      else {
        const waiting = this.#deliver(frame);
        if (waiting !== undefined) return waiting.then(() => this.#handleEnvelopes(envelopes));
      }
    }
    return undefined;
  }

  /** @returns a promise when the inbox is full */
  #deliver(frame: EnvelopeDecoder): Promise<void> | undefined {
    if (frame.dataBytes > this.#options.maxMessageBytes) return void this.#fail("channel-message-too-long");
    if (this.#state !== "open") return undefined;
    const handler = this.#topics.find(frame);
    if (handler !== undefined) return void this.#call(() => handler(frame.data));
    const topic = decodeText(frame.text);
    if (topic === undefined) return void this.#fail("channel-message-malformed");
    const message = { topic, body: frame.data.slice() };
    const receiver = this.#receiver;
    if (receiver !== undefined) {
      this.#receiver = undefined;
      return void receiver(message);
    }
    if (this.#inbox.add(message)) return undefined;
    this.#keepAlive.holdBack(true);
    return this.#inbox.push(message).then(() => this.#keepAlive.holdBack(false));
  }

  #handle(frame: EnvelopeDecoder): void {
    switch (frame.kind) {
      case EnvelopeKind.ping:
        if (this.#state !== "open") return;
        this.#writer.pongDue = frame.number;
        return this.#scheduleWrite();
      case EnvelopeKind.pong:
        return this.#handlePong(frame.number);
      case EnvelopeKind.close:
        return this.#handleClose(frame.text);
      case EnvelopeKind.streamOpen:
        return this.#acceptStream(frame);
      default:
        if (this.#state === "open" && !this.#streams.handle(frame)) this.#fail("channel-stream-violation");
    }
  }

  #handlePong(number: number): void {
    // An answer to a ping that was sent twice comes twice.
    const pinging = this.#pinging;
    if (pinging?.sentAt === undefined || pinging.number !== number) return;
    this.#pinging = undefined;
    this.#lastRttMs = this.#options.clock.now() - pinging.sentAt;
    pinging.result.resolve(this.#lastRttMs);
  }

  #handleClose(text: Uint8Array): void {
    const reason = decodeText(text);
    if (reason === undefined) return this.#fail("channel-message-malformed");
    this.#closeReason = reason.slice(0, MAX_REASON_CHARACTERS);
    this.#shutDown();
  }

  #acceptStream(frame: EnvelopeDecoder): void {
    if (this.#state !== "open") return;
    const topic = frame.text.length <= MAX_TOPIC_BYTES ? decodeText(frame.text) : undefined;
    if (topic === undefined) return this.#fail("channel-message-malformed");
    const state = this.#streams.accept(frame);
    if (state === undefined) return this.#fail("channel-stream-violation");
    const handler = this.#streamHandlers.get(topic);
    if (handler === undefined) return this.#streams.reset(state, StreamReset.noHandler);
    const header = frame.data.slice();
    this.#call(() => handler(new ChannelStream(this.#streams, state), header));
  }

  #call(handler: () => void): void {
    try {
      handler();
    } catch {
      this.#fail("channel-handler-failed");
    }
  }

  /** Sends a ping, or the one under way once more. */
  #startPing(): void {
    this.#pinging ??= {
      number: this.#lastPingNumber = (this.#lastPingNumber + 1) >>> 0,
      sentAt: undefined,
      result: Promise.withResolvers(),
    };
    this.#writer.pingDue = this.#pinging.number;
    void this.#writeRecords();
  }

  #notePing(): void {
    if (this.#pinging !== undefined) this.#pinging.sentAt ??= this.#options.clock.now();
  }

  /** @returns the topic in UTF-8 */
  #checked(topic: string, bodyBytes: number): Uint8Array {
    const { maxMessageBytes } = this.#options;
    if (bodyBytes > maxMessageBytes) {
      throw new RangeError(`Cannot send ${bodyBytes} bytes: a message holds ${maxMessageBytes}`);
    }
    const bytes = this.#topics.encode(topic);
    if (bytes.length > MAX_TOPIC_BYTES) {
      throw new RangeError(`Cannot send: the topic is longer than ${MAX_TOPIC_BYTES} bytes`);
    }
    return bytes;
  }

  /** Writes when this turn is over, so that all it has to say shares a record; at once when there is a whole one. */
  #scheduleWrite(): void {
    if (this.#isWriting) return;
    if (this.#outbox.bytes >= MESSAGE_BLOCK_BYTES) return void this.#writeRecords();
    if (this.#isWriteDue) return;
    this.#isWriteDue = true;
    queueMicrotask(() => {
      this.#isWriteDue = false;
      void this.#writeRecords();
    });
  }

  /** Writes until nothing is due; only one turn of it is under way, and what comes meanwhile goes with the next. */
  async #writeRecords(): Promise<void> {
    if (this.#isWriting) return;
    this.#isWriting = true;
    while (!this.#isClosed()) {
      const records = this.#writer.poll();
      if (records === undefined) break;
      if (!await this.#stream.write(records)) this.#shutDown();
    }
    this.#isWriting = false;
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
    this.#writer.clear();
    this.#streams.close();
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

/** @returns undefined when the bytes are not UTF-8 */
function decodeText(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

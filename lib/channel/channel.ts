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

import type { ByteStream, EventLoopYield } from "../base/mod.ts";
import type { PublicKey } from "../crypto/mod.ts";
import type { ChannelOptions } from "./channel_options.ts";
import type { ChannelStream } from "./channel_stream.ts";
import type { ChannelDropReason } from "./drop_reason.ts";
import { EarlyWrite } from "./early_write.ts";
import { type EnvelopeDecoder, EnvelopeKind, type Pieces, piecesLength } from "./envelope_codec.ts";
import type { ChannelMessage } from "./envelope_stream.ts";
import { Inbox } from "./inbox.ts";
import { KeepAlive } from "./keep_alive.ts";
import { MESSAGE_BLOCK_BYTES, Outbox } from "./outbox.ts";
import { Pinger } from "./pinger.ts";
import { ReadLoop } from "./read_loop.ts";
import { RecordWriter } from "./record_writer.ts";
import { StreamAcceptor, type StreamHandler } from "./stream_acceptor.ts";
import { StreamMux } from "./stream_mux.ts";
import { decodeText, TopicTable } from "./topic_table.ts";
import { TurnBudget } from "./turn_budget.ts";
import { WriteLoop } from "./write_loop.ts";

/** How long a closing channel waits for what is queued to go out and for the other end to close. */
export const CLOSE_TIMEOUT_MS = 1_000;

const MAX_REASON_CHARACTERS = 100;

/** Is handed the body of a message: a view that is valid until it returns. */
export type MessageHandler = (body: Uint8Array) => void;

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
  readonly #inbox = new Inbox();
  readonly #outbox = new Outbox();
  readonly #streams: StreamMux;
  readonly #streamAcceptor: StreamAcceptor;
  readonly #writer: RecordWriter;
  readonly #writing: WriteLoop;
  readonly #early = new EarlyWrite();
  readonly #reading: ReadLoop;
  readonly #pinger: Pinger;
  readonly #topics = new TopicTable<MessageHandler>();
  readonly #markClosed: () => void;

  #state: "open" | "closing" | "closed" = "open";
  #closeReason: string | undefined;
  #cancelClose: () => void = () => {};

  /** Takes over a stream whose handshake is complete, and starts to read when the turn is over. */
  constructor(stream: ByteStream, options: ChannelOptions) {
    this.remoteAddress = stream.remoteAddress;
    this.reply = options.reply;
    this.#stream = stream;
    this.#options = options;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.closed = promise;
    this.#markClosed = resolve;
    this.#pinger = new Pinger(options.clock);
    this.#keepAlive = new KeepAlive({
      clock: options.clock,
      timers: options.timers,
      onQuiet: () => {
        this.#release();
        this.#startPing();
      },
      onDead: () => this.#fail("channel-peer-silent"),
    });
    this.#streams = new StreamMux(options.role, () => this.#scheduleWrite());
    this.#streamAcceptor = new StreamAcceptor(this.#streams);
    this.#writer = new RecordWriter({
      sealer: options.sealer,
      outbox: this.#outbox,
      streams: this.#streams,
      onPing: () => this.#pinger.noteSent(),
    });
    this.#writing = new WriteLoop({
      stream,
      writer: this.#writer,
      isClosed: () => this.#isClosed(),
      onBroken: () => this.#shutDown(),
    });
    this.#reading = new ReadLoop({
      frames: options.frames,
      opener: options.opener,
      maxMessageBytes: options.maxMessageBytes,
      isClosed: () => this.#isClosed(),
      onHeard: () => this.#keepAlive.heard(),
      onEnvelope: (frame) => this.#handle(frame),
      onDrained: () => {
        // What the handlers had to say leaves before the wait for more.
        this.#writing.flushScheduled();
        this.#early.endTurn();
      },
      onEnd: () => this.#shutDown(),
      onFault: (reason) => this.#fail(reason),
    });
    options.frames.readAhead();
    queueMicrotask(() => void this.#reading.run());
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
    return this.#pinger.lastRttMs;
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
    this.#checkLength(message.body.length);
    const topic = this.#topics.encode(message.topic);
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
    const length = piecesLength(body);
    this.#checkLength(length);
    const topicBytes = this.#topics.encode(topic);
    if (this.#state !== "open" || !this.#outbox.post(topicBytes, body)) return false;
    this.#scheduleWrite();
    if (this.#early.isDue(length, this.#outbox.bytes)) this.#writing.flushScheduled();
    return true;
  }

  /** Whether more can be said; one that is closing may take a second yet. */
  get isOpen(): boolean {
    return this.#state === "open";
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
    for (const message of this.#inbox.extract(topic)) {
      if (this.#state === "open") this.#call(handler, message.body);
    }
  }

  /** From now on the other end gets a share of each turn, however much it says. */
  yieldTo(turns: EventLoopYield): void {
    this.#reading.share = new TurnBudget(this.#options.clock, turns);
  }

  /**
   * Begins a stream; nothing of it needs an answer before bytes are written.
   * @param header goes with it, at most 64 KiB
   * @returns the stream; one that is reset already when the channel is not open, or 1,024 streams of this end are
   * @throws RangeError when the topic or the header is too long
   */
  openStream(topic: string, header: Uint8Array): ChannelStream {
    return this.#streamAcceptor.open(topic, header);
  }

  /**
   * Hands streams that the other end begins to `handler`, in the turn in which they arrive. Streams of other topics are
   * reset. A handler that throws ends the channel.
   * @throws TypeError when the topic has a handler
   */
  onStream(topic: string, handler: StreamHandler): void {
    this.#streamAcceptor.serve(topic, handler);
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
    return await this.#inbox.wait();
  }

  /**
   * Asks the other end for a sign of life; calls at the same time share one ping.
   * @returns the round trip time in milliseconds, or undefined when the channel closes before the answer
   */
  ping(): Promise<number | undefined> {
    if (this.#state !== "open") return Promise.resolve(undefined);
    if (this.#pinger.result === undefined) this.#startPing();
    return this.#pinger.result ?? Promise.resolve(undefined);
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
    this.#writing.flush();
  }

  /** @returns a promise when the other end has to wait */
  #handle(frame: EnvelopeDecoder): Promise<void> | undefined {
    switch (frame.kind) {
      case EnvelopeKind.payload:
        return this.#deliver(frame);
      case EnvelopeKind.ping:
        return void this.#handlePing(frame.number);
      case EnvelopeKind.pong:
        return void this.#pinger.handlePong(frame.number);
      case EnvelopeKind.close:
        return void this.#handleClose(frame.text);
      default:
        return void this.#handleStream(frame);
    }
  }

  /** @returns a promise when the inbox is full */
  #deliver(frame: EnvelopeDecoder): Promise<void> | undefined {
    if (frame.dataBytes > this.#options.maxMessageBytes) return void this.#fail("channel-message-too-long");
    if (this.#state !== "open") return undefined;
    const handler = this.#topics.find(frame);
    if (handler !== undefined) return void this.#call(handler, frame.data);
    const topic = decodeText(frame.text);
    if (topic === undefined) return void this.#fail("channel-message-malformed");
    const waiting = this.#inbox.deliver({ topic, body: frame.data.slice() });
    if (waiting === undefined) return undefined;
    this.#keepAlive.holdBack(true);
    return waiting.then(() => this.#keepAlive.holdBack(false));
  }

  #handlePing(number: number): void {
    if (this.#state !== "open") return;
    this.#release();
    this.#writer.pongDue = number;
    this.#scheduleWrite();
  }

  #handleStream(frame: EnvelopeDecoder): void {
    const reason = this.#state === "open" ? this.#streamAcceptor.handle(frame) : undefined;
    if (reason !== undefined) this.#fail(reason);
  }

  #handleClose(text: Uint8Array): void {
    const reason = decodeText(text);
    if (reason === undefined) return this.#fail("channel-message-malformed");
    this.#closeReason = reason.slice(0, MAX_REASON_CHARACTERS);
    this.#shutDown();
  }

  #call(handler: MessageHandler, body: Uint8Array): void {
    try {
      handler(body);
    } catch {
      this.#fail("channel-handler-failed");
    }
  }

  /** Sends a ping, or the one under way once more. */
  #startPing(): void {
    this.#writer.pingDue = this.#pinger.start();
    this.#writing.flush();
  }

  #checkLength(bodyBytes: number): void {
    const { maxMessageBytes } = this.#options;
    if (bodyBytes <= maxMessageBytes) return;
    throw new RangeError(`Cannot send ${bodyBytes} bytes: a message holds ${maxMessageBytes}`);
  }

  #scheduleWrite(): void {
    if (this.#outbox.bytes >= MESSAGE_BLOCK_BYTES) this.#writing.flush();
    else this.#writing.schedule();
  }

  /** Gives back the memory of large records: who pings has heard nothing for a while. */
  #release(): void {
    this.#options.frames.release();
    this.#options.opener.release();
    this.#writer.release();
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
    this.#pinger.stop();
  }

  // As a call, since the state changes behind the compiler's back while something is awaited.
  #isClosed(): boolean {
    return this.#state === "closed";
  }
}

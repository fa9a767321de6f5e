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

import type { ByteStream, Counters, Environment, EventLoopYield, MemoryAccount } from "../base/mod.ts";
import type { PublicKey } from "../crypto/mod.ts";
import { channelCounters, type ChannelDropReason } from "./errors.ts";
import { Inbox } from "./inbox.ts";
import { KeepAlive } from "./keep_alive.ts";
import { Outbox } from "./outbox.ts";
import { ReadLoop, TurnBudget } from "./read_loop.ts";
import { RecordWriter } from "./record_writer.ts";
import {
  type ChannelMessage,
  type EnvelopeDecoder,
  EnvelopeKind,
  type HandshakeResult,
  MAX_MESSAGE_BYTES,
  type Pieces,
  piecesLength,
} from "./records/mod.ts";
import { ChannelStream, type StreamHandler, StreamMux, StreamReset } from "./streams/mod.ts";
import { decodeText, type MessageHandler, TopicTable } from "./topic_table.ts";

/** How long a closing channel waits for what is queued to go out, and for the other end. */
export const CLOSE_TIMEOUT_MS = 1_000;

const MAX_REASON_CHARACTERS = 100;

/** What every channel needs, however it opens. */
export interface ChannelSetup extends Pick<Environment, "clock" | "timers"> {
  /** Counts what goes wrong; without it, nobody knows. */
  readonly counters?: Counters<ChannelDropReason>;
  /** The longest body of a message in bytes, 1 MiB by default; both ends must agree on it. */
  readonly maxMessageBytes?: number;
  /** Is handed the channel before anything is read from it: the place for `attach` and `onStream`. */
  readonly prepare?: (channel: Channel) => void;
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
  /** Of the handshake; 0 of a local channel, which has none. */
  readonly handshakeVersion: number;
  readonly #closing = Promise.withResolvers<void>();
  /** Resolves when the stream is closed, for whatever reason; it never rejects. */
  readonly closed: Promise<void> = this.#closing.promise;

  readonly #stream: ByteStream;
  readonly #handshake: HandshakeResult;
  readonly #counters: Counters<ChannelDropReason>;
  readonly #maxMessageBytes: number;
  readonly #setup: ChannelSetup;
  readonly #keepAlive: KeepAlive;
  readonly #inbox = new Inbox();
  readonly #outbox = new Outbox();
  readonly #streams: StreamMux;
  readonly #writer: RecordWriter;
  readonly #reading: ReadLoop;
  readonly #topics = new TopicTable<MessageHandler>();
  readonly #streamTopics = new TopicTable<StreamHandler>();

  #state: "open" | "closing" | "closed" = "open";
  #closeReason: string | undefined;
  #cancelClose: () => void = () => {};

  /** Takes over a stream whose handshake is complete, and starts to read when the turn is over. */
  constructor(stream: ByteStream, handshake: HandshakeResult, setup: ChannelSetup) {
    const { frames, opener, sealer, role } = handshake;
    this.remoteAddress = stream.remoteAddress;
    this.reply = handshake.reply;
    this.handshakeVersion = handshake.version;
    this.#stream = stream;
    this.#handshake = handshake;
    this.#setup = setup;
    this.#counters = setup.counters ?? channelCounters();
    this.#maxMessageBytes = setup.maxMessageBytes ?? MAX_MESSAGE_BYTES;
    this.#keepAlive = new KeepAlive(setup, {
      onQuiet: () => {
        this.#release();
        this.#startPing();
      },
      onDead: () => this.#fail("channel-peer-silent"),
    });
    this.#streams = new StreamMux(role, () => this.#writer.schedule());
    this.#writer = new RecordWriter({
      stream,
      sealer,
      outbox: this.#outbox,
      streams: this.#streams,
      keepAlive: this.#keepAlive,
      isClosed: () => this.#isClosed(),
      onBroken: () => this.#shutDown(),
    });
    this.#reading = new ReadLoop({
      frames,
      opener,
      maxMessageBytes: this.#maxMessageBytes,
      keepAlive: this.#keepAlive,
      writer: this.#writer,
      isClosed: () => this.#isClosed(),
      onEnvelope: (frame) => this.#handle(frame),
      onEnd: () => this.#shutDown(),
      onFault: (reason) => this.#fail(reason),
    });
    frames.readAhead();
    queueMicrotask(() => void this.#reading.run());
    setup.prepare?.(this);
  }

  /**
   * Who is at the other end.
   * @throws TypeError when the channel is local: whoever is there has shown no key
   */
  get remoteStatic(): PublicKey {
    const { remoteStatic } = this.#handshake;
    if (remoteStatic === undefined) throw new TypeError("The other end of a local channel has no key");
    return remoteStatic;
  }

  /** The round trip time of the last ping that was answered, in milliseconds. */
  get lastRttMs(): number | undefined {
    return this.#keepAlive.lastRttMs;
  }

  /** What the other end gave as its reason for closing, at most 100 characters; undefined when it gave none. */
  get closeReason(): string | undefined {
    return this.#closeReason;
  }

  /**
   * Queues a message, waiting while 64 messages or 4 MiB are queued already. A channel on which 1024 calls wait is
   * given up.
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
    this.#writer.schedule();
    return await queued;
  }

  /**
   * Queues a message without a promise; the body is copied at once. Messages of `post` and `send` go out in the order of
   * the calls, but for `send` that wait for room.
   * @param body one piece, or several that make one message
   * @returns false when the channel is not open, or 8 MiB or 16,384 messages are queued: `drained` tells when to go on
   * @throws RangeError when the topic is longer than 255 bytes or the body longer than the channel's limit
   */
  post(topic: string, body: Pieces): boolean {
    const length = piecesLength(body);
    this.#checkLength(length);
    const topicBytes = this.#topics.encode(topic);
    if (this.#state !== "open" || !this.#outbox.post(topicBytes, body)) return false;
    this.#writer.schedulePosted(length);
    return true;
  }

  /** Whether more can be said; one that is closing may take a second yet. */
  get isOpen(): boolean {
    return this.#state === "open";
  }

  /** How many streams are open, whichever end began them. */
  get openStreams(): number {
    return this.#streams.size;
  }

  /** Has it ping after so long a silence, 10 s to 20 s in milliseconds; the other end is dead after 30 s all the same. */
  pingAfter(silentMs: number): void {
    if (this.#state === "open") this.#keepAlive.pingAfter(silentMs);
  }

  /** For how long nothing was heard of the other end, in milliseconds. */
  get silentMs(): number {
    return this.#keepAlive.silentMs;
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

  /** From now on the channel yields the event loop after 4 ms, however much the other end says. */
  limitTurns(eventLoop: EventLoopYield): void {
    this.#reading.turnBudget = new TurnBudget(this.#setup.clock, eventLoop);
  }

  /** Counts what the other end makes it hold, from the start on. Streams are reset when there is no room for their bytes. */
  limitMemory(account: MemoryAccount): void {
    for (const holder of [this.#inbox, this.#outbox, this.#streams, this.#reading]) holder.memory = account;
  }

  /**
   * Begins a stream; nothing of it needs an answer before bytes are written.
   * @param header goes with it, at most 64 KiB
   * @returns the stream; one that is reset already when the channel is not open, or 1,024 streams of this end are
   * @throws RangeError when the topic or the header is too long
   */
  openStream(topic: string, header: Uint8Array): ChannelStream {
    return new ChannelStream(this.#streams, this.#streams.open(this.#streamTopics.encode(topic), header));
  }

  /**
   * Hands streams that the other end begins to `handler`, in the turn in which they arrive. Streams of other topics are
   * reset. A handler that throws ends the channel.
   * @throws TypeError when the topic has a handler
   */
  onStream(topic: string, handler: StreamHandler): void {
    this.#streamTopics.add(topic, handler);
  }

  /**
   * Waits for a message. What arrived before the other end closed is still given out.
   * @returns it, or undefined when the channel is closed and there are no more
   * @throws TypeError when another call waits already
   */
  async receive(): Promise<ChannelMessage | undefined> {
    const message = this.#inbox.shift();
    return message !== undefined || this.#state !== "open" ? message : await this.#inbox.wait();
  }

  /** Asks for a sign of life; calls at once share a ping. @returns the round trip in milliseconds; undefined when it closes before */
  ping(): Promise<number | undefined> {
    if (this.#state === "open" && this.#keepAlive.result === undefined) this.#startPing();
    return this.#keepAlive.result ?? Promise.resolve(undefined);
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
    this.#keepAlive.stop();
    this.#cancelClose = this.#setup.timers.setTimer(CLOSE_TIMEOUT_MS, () => this.#shutDown());
    this.#writer.flush();
  }

  #handle(frame: EnvelopeDecoder): Promise<void> | undefined {
    switch (frame.kind) {
      case EnvelopeKind.payload:
        return this.#deliver(frame);
      case EnvelopeKind.ping:
        return void this.#handlePing(frame.number);
      case EnvelopeKind.pong:
        return void this.#keepAlive.handlePong(frame.number);
      case EnvelopeKind.close:
        return void this.#handleClose(frame.text);
      default:
        return void this.#handleStream(frame);
    }
  }

  /** @returns a promise when the inbox is full */
  #deliver(frame: EnvelopeDecoder): Promise<void> | undefined {
    if (frame.dataBytes > this.#maxMessageBytes) return void this.#fail("channel-message-too-long");
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
    this.#writer.schedule();
  }

  #handleStream(frame: EnvelopeDecoder): void {
    if (this.#state !== "open") return;
    if (frame.kind === EnvelopeKind.streamOpen) this.#acceptStream(frame);
    else if (!this.#streams.handle(frame)) this.#fail("channel-stream-violation");
  }

  #acceptStream(frame: EnvelopeDecoder): void {
    const state = this.#streams.accept(frame);
    if (state === undefined) return this.#fail("channel-stream-violation");
    const handler = this.#streamTopics.find(frame);
    if (handler === undefined) return this.#streams.reset(state, StreamReset.noHandler);
    try {
      handler(new ChannelStream(this.#streams, state), frame.data.slice());
    } catch {
      this.#fail("channel-handler-failed");
    }
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

  #startPing(): void {
    this.#writer.pingDue = this.#keepAlive.startPing();
    this.#writer.flush();
  }

  #checkLength(bodyBytes: number): void {
    if (bodyBytes <= this.#maxMessageBytes) return;
    throw new RangeError(`Cannot send ${bodyBytes} bytes: a message holds ${this.#maxMessageBytes}`);
  }

  /** Gives back the memory of large records: who pings has heard nothing for a while. */
  #release(): void {
    this.#handshake.frames.release();
    this.#handshake.opener.release();
    this.#writer.release();
  }

  #fail(reason: ChannelDropReason): void {
    if (this.#isClosed()) return;
    this.#counters.count(reason);
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
    this.#reading.close();
    this.#keepAlive.stop();
    this.#stream.close();
    this.#handshake.sealer.wipe();
    this.#handshake.opener.wipe();
    this.#closing.resolve();
  }

  // As a call, since the state changes behind the compiler's back while something is awaited.
  #isClosed(): boolean {
    return this.#state === "closed";
  }
}

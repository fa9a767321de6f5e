/**
 * Messages whose values may be large: a short value goes inside its message, a long one is compressed where that helps
 * and follows on a stream of its own, so that it delays no other message.
 * @module
 */

import {
  type MemoryAccount,
  memoryAccount,
  MemoryBudget,
  type MemoryBudgetLimits,
  MemoryClaim,
  type Timers,
} from "../../base/mod.ts";
import { Compression, Encoding } from "../../proto/mod.ts";
import { callError, failure, type WireFailure } from "../errors.ts";
import { FairTurns } from "./fair_turns.ts";
import { DEFAULT_MAX_STRUCTURED_BYTES } from "./json_bound.ts";
import { type NodeMessage, NodeMessageEncoder, type WireValue } from "./node_message.ts";
import {
  type Compressor,
  isProgram,
  type PeerId,
  type PeerLinks,
  PeerTally,
  type PostOutcome,
  type ServiceStream,
} from "../ports.ts";
import { checkStructure, isRemote, plain, structuredBytes } from "./wire_value.ts";

/** The longest value that goes inside its message, in bytes. */
export const MAX_INLINE_BYTES: number = 24 * 1_024;
/** The longest value of bytes by default; streams have no such limit. */
export const DEFAULT_MAX_PAYLOAD_BYTES: number = 16 << 20;
/** Values from here on are compressed by default, in bytes. */
export const DEFAULT_COMPRESS_FROM_BYTES: number = 64 * 1_024;
/** How many values of one peer may be on their way, or wait to be inflated, at the same time. */
export const MAX_DETACHED = 32;
/** How many are inflated at the same time: the thread is one, and each has its room already. */
export const MAX_INFLATING = 2;
/**
 * What one peer may make this node hold, by default: four of the longest values. A gateway for many programs has enough
 * of that, and a container of 512 MiB stands it.
 */
export const DEFAULT_ORIGIN_BYTES: number = 64 << 20;
/** Of all peers together it is so many times as much. */
const TOTAL_OF_ORIGINS = 4;
/** Whoever lets longer values in has room for two of one peer. */
const VALUES_OF_ORIGIN = 2;

/** Codes of a reset stream: nobody reads on. */
export const RESET_CANCELED = 1;
/** The value is over the receiver's limit. */
export const RESET_TOO_LARGE = 2;
/** The stream's header is no message, or not one that has a stream. */
export const RESET_MALFORMED = 3;

/** Room for the first bytes of a long value. */
const FIRST_ROOM_BYTES = 64 * 1_024;

/** Structured values from here on are handed over one in a turn of the event loop: each may take long to read. */
const TURN_FROM_BYTES = 64 * 1_024;
/** A value of which nothing has come for so long breaks off, up to twice as long. */
export const STALLED_MS = 30_000;
/** What is not this much smaller is not worth the other end's work. */
const WORTHWHILE = 0.9;
/** No byte of deflate becomes more than 1,032 bytes (258 of two bits), and the first few none. */
const MAX_INFLATION = 1_032;

/** Limits of what is carried. */
export interface CarrierLimits {
  /** The longest value of bytes, 16 MiB by default. */
  readonly maxPayloadBytes?: number;
  /** The longest structured value, in bytes of JSON: 1 MiB by default. */
  readonly maxStructuredBytes?: number;
  /** What others may make this node hold, 64 MiB each and 256 MiB together by default. */
  readonly memory?: Partial<MemoryBudgetLimits>;
  /** `Infinity` for never. */
  readonly compressFromBytes?: number;
}

/** A value that is whole, its bytes its own, and the room that it takes; whoever has it gives that back. */
export interface HeldValue {
  readonly value: WireValue;
  readonly claim: MemoryClaim;
}

/** Sends and collects; one for a node. */
export class MessageCarrier {
  readonly links: PeerLinks;
  readonly maxPayloadBytes: number;
  readonly maxStructuredBytes: number;
  /** What peers make this node hold. */
  readonly memory: MemoryBudget;
  readonly #compressor: Compressor | undefined;
  readonly #compressFromBytes: number;
  readonly #encoder = new NodeMessageEncoder();
  /** How many values of each peer are being collected or inflated. */
  readonly #completing = new PeerTally();
  readonly #inflating = new FairTurns(MAX_INFLATING);
  readonly #handingOver = new FairTurns(1);
  readonly #timers: Timers | undefined;

  /** @param timers for turns of the event loop; without them values are handed over as they come */
  constructor(
    links: PeerLinks,
    compressor: Compressor | undefined,
    limits: CarrierLimits = {},
    timers: Timers | undefined = undefined,
  ) {
    this.links = links;
    this.#timers = timers;
    this.#compressor = compressor;
    this.maxPayloadBytes = limits.maxPayloadBytes ?? DEFAULT_MAX_PAYLOAD_BYTES;
    this.maxStructuredBytes = Math.min(
      limits.maxStructuredBytes ?? DEFAULT_MAX_STRUCTURED_BYTES,
      this.maxPayloadBytes,
    );
    this.#compressFromBytes = limits.compressFromBytes ?? DEFAULT_COMPRESS_FROM_BYTES;
    const originBytes = limits.memory?.originBytes ??
      Math.max(DEFAULT_ORIGIN_BYTES, VALUES_OF_ORIGIN * this.maxPayloadBytes);
    const totalBytes = limits.memory?.totalBytes ?? TOTAL_OF_ORIGINS * originBytes;
    this.memory = new MemoryBudget({ originBytes, totalBytes });
  }

  /** @returns room for what a peer makes this node hold; undefined when it has too much already */
  hold(peer: PeerId, bytes: number): MemoryClaim | undefined {
    return MemoryClaim.make(this.memory, peer, bytes);
  }

  /** @returns what a peer's streams take their room from */
  account(peer: PeerId): MemoryAccount {
    return memoryAccount(this.memory, peer);
  }

  /** Whether there is a link, so that a stream that can't be opened is one too many. */
  isLinked(peer: PeerId): boolean {
    return isProgram(peer) || this.links.linked().includes(peer);
  }

  /** @returns a stream with the message as its header; undefined without a link */
  openStream(peer: PeerId, message: NodeMessage): ServiceStream | undefined {
    return this.links.openStream(peer, this.encode(message).slice());
  }

  /** @returns the message's bytes, good until the next one is encoded */
  encode(message: NodeMessage): Uint8Array {
    return this.#encoder.encode(message);
  }

  /** Queues a message without waiting. */
  post(peer: PeerId, message: NodeMessage): PostOutcome {
    return this.links.post(peer, this.encode(message));
  }

  /** Whether a value of this length goes inside its message. */
  isShort(value: WireValue): boolean {
    return value.data.length <= MAX_INLINE_BYTES;
  }

  /** @throws CallError with code `PayloadTooLarge` */
  checkLength(value: WireValue): void {
    const { data } = value;
    if (data.length > this.maxPayloadBytes) {
      const limit = `the limit is ${this.maxPayloadBytes}; a stream has none`;
      throw callError("PayloadTooLarge", `Cannot send ${data.length} bytes: ${limit}`);
    }
    const structured = structuredBytes(value);
    if (structured > this.maxStructuredBytes) {
      const limit = `the limit of structured values is ${this.maxStructuredBytes}, for bytes (Uint8Array) ` +
        `${this.maxPayloadBytes}; a stream of items has none`;
      throw callError("PayloadTooLarge", `Cannot send ${structured} bytes of JSON: ${limit}`);
    }
    checkStructure(value, "send");
  }

  /**
   * Sends a message with a long value, waiting until the other end has read it.
   * @param withValue puts the value that travels into the message
   * @returns `refused` when it is over the other end's limit, `lost` when the stream broke on the way
   */
  async sendLong(
    peer: PeerId,
    value: WireValue,
    withValue: (value: WireValue) => NodeMessage,
  ): Promise<PostOutcome | "refused" | "lost"> {
    const compact = await this.#compress(value);
    if (this.isShort(compact)) return this.post(peer, withValue(compact));
    const { data } = compact;
    const header = withValue({ ...compact, data: data.subarray(0, 0), detachedBytes: data.length });
    const stream = this.openStream(peer, header);
    if (stream === undefined) return "no-link";
    if (!await stream.write(data)) return stream.resetCode === RESET_TOO_LARGE ? "refused" : "lost";
    stream.end();
    return "queued";
  }

  /**
   * Makes a value whole: collects what follows on a stream, and undoes compression. The stream is done with then. Room
   * for all of it is claimed before anything is read.
   * @returns the value and its room, or why it can't be had
   */
  async complete(
    peer: PeerId,
    value: WireValue,
    stream: ServiceStream | undefined,
  ): Promise<HeldValue | WireFailure> {
    const refuse = (code: number, reason: WireFailure) => {
      stream?.reset(code);
      return reason;
    };
    if (this.#completing.of(peer) === MAX_DETACHED) {
      const busy = `more than ${MAX_DETACHED} long values are on their way`;
      return refuse(RESET_CANCELED, failure("Overloaded", busy));
    }
    const limit = value.encoding === Encoding.JSON ? this.maxStructuredBytes : this.maxPayloadBytes;
    const sentBytes = value.detachedBytes > 0 ? value.detachedBytes : value.data.length;
    const isCompressed = value.compression !== Compression.UNSPECIFIED;
    const plainBytes = !isCompressed ? sentBytes : value.plainBytes > 0
      ? value.plainBytes
      // Whoever does not say how long it becomes needs as much as it may be.
      : Math.min(limit, MAX_INFLATION * sentBytes);
    if (Math.max(sentBytes, plainBytes) > limit) {
      const tooLong = `${Math.max(sentBytes, plainBytes)} bytes are over the limit of ${limit}`;
      return refuse(RESET_TOO_LARGE, failure("PayloadTooLarge", tooLong));
    }
    const claim = this.hold(peer, isCompressed ? sentBytes + plainBytes : sentBytes);
    if (claim === undefined) {
      return refuse(RESET_CANCELED, failure("Overloaded", "too much of this peer waits already"));
    }
    this.#completing.add(peer, 1);
    let isHeld = false;
    try {
      const whole = await this.#complete(peer, value, plainBytes, stream);
      if ("code" in whole) return whole;
      const structured = structuredBytes(whole);
      if (structured > this.maxStructuredBytes) {
        const tooLong = `${structured} bytes of JSON are over the limit of ${this.maxStructuredBytes}`;
        return failure("PayloadTooLarge", tooLong);
      }
      claim.resize(whole.data.length);
      if (structured >= TURN_FROM_BYTES) {
        await this.#handingOver.run(peer, () => this.#nextTurn());
      }
      isHeld = true;
      return { value: whole, claim };
    } finally {
      this.#completing.add(peer, -1);
      if (!isHeld) claim.release();
    }
  }

  async #complete(
    peer: PeerId,
    value: WireValue,
    plainBytes: number,
    stream: ServiceStream | undefined,
  ): Promise<WireValue | WireFailure> {
    let { data } = value;
    if (value.detachedBytes > 0) {
      const collected = await this.#collect(value.detachedBytes, stream);
      if (!(collected instanceof Uint8Array)) return collected;
      data = collected;
    } else data = new Uint8Array(data);
    if (value.compression === Compression.UNSPECIFIED) return plain(value.encoding, data);
    const inflated = value.compression === Compression.DEFLATE
      ? await this.#inflating.run(peer, () => this.#inflate(data, plainBytes))
      : undefined;
    if (inflated === undefined || (value.plainBytes > 0 && inflated.length !== plainBytes)) {
      const wanted = value.plainBytes > 0 ? `${plainBytes} bytes` : `at most ${plainBytes} bytes`;
      return failure(
        "Incompatible",
        `Cannot read a value: its compression is unknown or broken, or does not make ${wanted}`,
      );
    }
    return plain(value.encoding, inflated);
  }

  /** Breaks a stream on which nothing comes: it would keep its room for as long as its link stands. */
  #watch(stream: ServiceStream, lengthNow: () => number): Disposable {
    let seen = 0;
    let cancel = () => {};
    const look = () => {
      if (lengthNow() === seen) return stream.reset(RESET_CANCELED);
      seen = lengthNow();
      cancel = this.#timers?.setTimer(STALLED_MS, look) ?? (() => {});
    };
    cancel = this.#timers?.setTimer(STALLED_MS, look) ?? cancel;
    return { [Symbol.dispose]: () => cancel() };
  }

  #nextTurn(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#timers === undefined) resolve();
      else this.#timers.setTimer(0, resolve);
    });
  }

  async #inflate(data: Uint8Array, maxBytes: number): Promise<Uint8Array | undefined> {
    try {
      return await this.#compressor?.inflate(data, maxBytes);
    } catch {
      return undefined;
    }
  }

  async #compress(value: WireValue): Promise<WireValue> {
    const { data } = value;
    if (this.#compressor === undefined || data.length < this.#compressFromBytes || isRemote(value)) {
      return value;
    }
    const compressed = await this.#compressor.deflate(data, Math.floor(data.length * WORTHWHILE));
    if (compressed === undefined) return value;
    return { ...value, data: compressed, compression: Compression.DEFLATE, plainBytes: data.length };
  }

  /** Takes room as bytes arrive, never for what was only announced. */
  async #collect(
    bytes: number,
    stream: ServiceStream | undefined,
  ): Promise<Uint8Array | WireFailure> {
    if (stream === undefined) return failure("Incompatible", "Cannot read a value: it has no stream");
    let out = new Uint8Array(Math.min(bytes, FIRST_ROOM_BYTES));
    let length = 0;
    using _ = this.#watch(stream, () => length);
    for (let piece = await stream.read(); piece !== undefined; piece = await stream.read()) {
      const end = length + piece.length;
      if (end > bytes) {
        stream.reset(RESET_MALFORMED);
        return failure("Incompatible", "Cannot read a value: it is longer than announced");
      }
      if (end > out.length) {
        const larger = new Uint8Array(Math.min(bytes, Math.max(2 * out.length, end)));
        larger.set(out.subarray(0, length));
        out = larger;
      }
      out.set(piece, length);
      length = end;
    }
    if (length < bytes) {
      stream.reset(RESET_MALFORMED);
      return failure("StreamBroken", "a value broke off in the middle");
    }
    stream.end();
    return out;
  }
}

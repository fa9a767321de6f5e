/**
 * Messages whose values may be large: a short value goes inside its message, a long one is compressed where that helps
 * and follows on a stream of its own, so that it delays no other message.
 * @module
 */

import { Compression } from "../../proto/mod.ts";
import { callError, failure, type WireFailure } from "../errors.ts";
import { type NodeMessage, NodeMessageEncoder, type WireValue } from "./node_message.ts";
import {
  type Compressor,
  type PeerId,
  type PeerLinks,
  PeerTally,
  type PostOutcome,
  type ServiceStream,
} from "../ports.ts";
import { isRemote } from "./wire_value.ts";

/** The longest value that goes inside its message, in bytes. */
export const MAX_INLINE_BYTES: number = 24 * 1_024;
/** The longest value by default, in bytes; streams have no such limit. */
export const DEFAULT_MAX_PAYLOAD_BYTES: number = 16 << 20;
/** Values from here on are compressed by default, in bytes. */
export const DEFAULT_COMPRESS_FROM_BYTES: number = 64 * 1_024;
/** How many values of one peer may be on their way, or be inflated, at the same time. */
export const MAX_DETACHED = 32;

/** Codes of a reset stream: nobody reads on. */
export const RESET_CANCELED = 1;
/** The value is over the receiver's limit. */
export const RESET_TOO_LARGE = 2;
/** The stream's header is no message, or not one that has a stream. */
export const RESET_MALFORMED = 3;

/** Room for the first bytes of a long value. */
const FIRST_ROOM_BYTES = 64 * 1_024;

/** Less than this is not worth the other end's work. */
const WORTHWHILE = 0.9;

/** Limits of what is carried. */
export interface CarrierLimits {
  readonly maxPayloadBytes?: number;
  /** `Infinity` for never. */
  readonly compressFromBytes?: number;
}

/** Sends and collects; one for a node. */
export class MessageCarrier {
  readonly links: PeerLinks;
  readonly maxPayloadBytes: number;
  readonly #compressor: Compressor | undefined;
  readonly #compressFromBytes: number;
  readonly #encoder = new NodeMessageEncoder();
  /** How many values of each peer are being collected or inflated. */
  readonly #completing = new PeerTally();

  constructor(links: PeerLinks, compressor: Compressor | undefined, limits: CarrierLimits = {}) {
    this.links = links;
    this.#compressor = compressor;
    this.maxPayloadBytes = limits.maxPayloadBytes ?? DEFAULT_MAX_PAYLOAD_BYTES;
    this.#compressFromBytes = limits.compressFromBytes ?? DEFAULT_COMPRESS_FROM_BYTES;
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
  checkLength({ data }: WireValue): void {
    if (data.length <= this.maxPayloadBytes) return;
    const limit = `the limit is ${this.maxPayloadBytes}; a stream has none`;
    throw callError("PayloadTooLarge", `Cannot send ${data.length} bytes: ${limit}`);
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
   * Makes a value whole: collects what follows on a stream, and undoes compression. The stream is done with then.
   * @returns the value, its bytes its own; or why it can't be had
   */
  async complete(
    peer: PeerId,
    value: WireValue,
    stream: ServiceStream | undefined,
  ): Promise<WireValue | WireFailure> {
    if (this.#completing.of(peer) === MAX_DETACHED) {
      stream?.reset(RESET_CANCELED);
      return failure("Overloaded", `more than ${MAX_DETACHED} long values are on their way`);
    }
    this.#completing.add(peer, 1);
    try {
      return await this.#complete(value, stream);
    } finally {
      this.#completing.add(peer, -1);
    }
  }

  async #complete(value: WireValue, stream: ServiceStream | undefined): Promise<WireValue | WireFailure> {
    let { data } = value;
    if (value.detachedBytes > 0) {
      const collected = await this.#collect(value.detachedBytes, stream);
      if (!(collected instanceof Uint8Array)) return collected;
      data = collected;
    } else data = data.slice();
    if (value.compression === Compression.UNSPECIFIED) return { ...value, data, detachedBytes: 0 };
    const plain = value.compression === Compression.DEFLATE ? await this.#inflate(data) : undefined;
    if (plain === undefined) {
      return failure("Incompatible", "Cannot read a value: its compression is unknown or broken");
    }
    return { ...value, data: plain, compression: Compression.UNSPECIFIED, detachedBytes: 0 };
  }

  async #inflate(data: Uint8Array): Promise<Uint8Array | undefined> {
    try {
      return await this.#compressor?.inflate(data, this.maxPayloadBytes);
    } catch {
      return undefined;
    }
  }

  async #compress(value: WireValue): Promise<WireValue> {
    const { data } = value;
    if (this.#compressor === undefined || data.length < this.#compressFromBytes || isRemote(value)) {
      return value;
    }
    const compressed = await this.#compressor.deflate(data);
    if (compressed.length > data.length * WORTHWHILE) return value;
    return { ...value, data: compressed, compression: Compression.DEFLATE };
  }

  /** Takes room as bytes arrive, never for what was only announced. */
  async #collect(
    bytes: number,
    stream: ServiceStream | undefined,
  ): Promise<Uint8Array | WireFailure> {
    if (stream === undefined) return failure("Incompatible", "Cannot read a value: it has no stream");
    if (bytes > this.maxPayloadBytes) {
      stream.reset(RESET_TOO_LARGE);
      return failure("PayloadTooLarge", `${bytes} bytes are over the limit of ${this.maxPayloadBytes}`);
    }
    let out = new Uint8Array(Math.min(bytes, FIRST_ROOM_BYTES));
    let length = 0;
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

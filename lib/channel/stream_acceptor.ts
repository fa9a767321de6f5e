/**
 * Where streams of a channel begin, at either end.
 * @module
 */

import { ChannelStream } from "./channel_stream.ts";
import type { ChannelDropReason } from "./drop_reason.ts";
import { type EnvelopeDecoder, EnvelopeKind } from "./envelope_codec.ts";
import type { StreamMux } from "./stream_mux.ts";
import { MAX_HEADER_BYTES, StreamReset } from "./stream_state.ts";
import { TopicTable } from "./topic_table.ts";

/** Is handed a stream that the other end has begun, and the header that goes with it. */
export type StreamHandler = (stream: ChannelStream, header: Uint8Array) => void;

/** Hands the streams that the other end begins to those who serve their topics. */
export class StreamAcceptor {
  readonly #mux: StreamMux;
  readonly #handlers = new TopicTable<StreamHandler>();

  constructor(mux: StreamMux) {
    this.#mux = mux;
  }

  /** @throws RangeError when the topic or the header is too long */
  open(topic: string, header: Uint8Array): ChannelStream {
    if (header.length > MAX_HEADER_BYTES) {
      throw new RangeError(`Cannot open a stream: a header holds ${MAX_HEADER_BYTES} bytes`);
    }
    return new ChannelStream(this.#mux, this.#mux.open(this.#handlers.encode(topic), header));
  }

  /** @throws TypeError when the topic has a handler */
  serve(topic: string, handler: StreamHandler): void {
    this.#handlers.add(topic, handler);
  }

  /** Handles a frame of a stream. @returns why the channel can't go on; undefined when it can */
  handle(frame: EnvelopeDecoder): ChannelDropReason | undefined {
    if (frame.kind !== EnvelopeKind.streamOpen) {
      return this.#mux.handle(frame) ? undefined : "channel-stream-violation";
    }
    const state = this.#mux.accept(frame);
    if (state === undefined) return "channel-stream-violation";
    const handler = this.#handlers.find(frame);
    if (handler === undefined) {
      this.#mux.reset(state, StreamReset.noHandler);
      return undefined;
    }
    try {
      handler(new ChannelStream(this.#mux, state), frame.data.slice());
      return undefined;
    } catch {
      return "channel-handler-failed";
    }
  }
}

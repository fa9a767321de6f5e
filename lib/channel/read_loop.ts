/**
 * Takes records from the stream, and hands on what is in them.
 * @module
 */

import type { ChannelDropReason } from "./drop_reason.ts";
import { EnvelopeDecoder } from "./envelope_codec.ts";
import { EnvelopeReader } from "./envelope_stream.ts";
import type { FrameReader } from "./frame_reader.ts";
import type { RecordOpener } from "./record_cipher.ts";
import { MAX_HEADER_BYTES } from "./stream_state.ts";
import type { TurnBudget } from "./turn_budget.ts";

/** What the loop stands on. */
export interface ReadLoopOptions {
  readonly frames: FrameReader;
  readonly opener: RecordOpener;
  readonly maxMessageBytes: number;
  /** Whether the channel is closed, after which nothing is read. */
  readonly isClosed: () => boolean;
  /** Called for every record that is authentic. */
  readonly onHeard: () => void;
  /** Handed every envelope, which is valid until it returns; a promise holds back what comes after. */
  readonly onEnvelope: (frame: EnvelopeDecoder) => Promise<void> | undefined;
  /** Called before the wait for more. */
  readonly onDrained: () => void;
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
  share: TurnBudget | undefined;

  constructor(options: ReadLoopOptions) {
    this.#options = options;
    this.#envelopes = new EnvelopeReader(Math.max(options.maxMessageBytes, MAX_HEADER_BYTES));
  }

  /** To be called once. */
  async run(): Promise<void> {
    const { frames, opener, isClosed, onHeard, onDrained, onEnd, onFault } = this.#options;
    while (!isClosed()) {
      const record = frames.take();
      if (record === undefined) {
        onDrained();
        const others = this.share?.next();
        if (others !== undefined) await others;
        const isOpen = await frames.fill();
        if (!isOpen && !isClosed()) onEnd();
        continue;
      }
      const plaintext = opener.open(record);
      // A record without plaintext says nothing; only the handshake's confirmation is one.
      if (plaintext === undefined || plaintext.length === 0) return onFault("channel-record-rejected");
      onHeard();
      this.#envelopes.append(plaintext);
      const waiting = this.#handleEnvelopes();
      if (waiting !== undefined) await waiting;
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
      const waiting = onEnvelope(frame) ?? this.share?.handled();
      if (waiting !== undefined) return waiting.then(() => this.#handleEnvelopes());
    }
    return undefined;
  }
}

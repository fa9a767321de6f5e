/**
 * Answers on their way back to whoever has called.
 * @module
 */

import { failure, type WireFailure } from "../errors.ts";
import type { PeerId, ServiceStream } from "../ports.ts";
import {
  copyValue,
  type ItemSource,
  type MessageCarrier,
  NO_VALUE,
  type RequestMessage,
  type ResponseMessage,
  sendItems,
  type WireValue,
} from "../wire/mod.ts";

/** An answer that is longer is not kept for whoever asks again. */
const MAX_KEPT_BYTES = 16 * 1_024;
/** What an answer that waits takes beside its bytes. */
const WAITING_OVERHEAD_BYTES = 512;
/** Stands for an answer that is not kept. */
export const NOT_KEPT: Uint8Array = new Uint8Array(0);

/** Sends answers, as far as their callers read them; one for a node or program. */
export class AnswerSender {
  readonly #carrier: MessageCarrier;
  /** Answers that wait for room, or are long and on their way. */
  #waiting = 0;

  constructor(carrier: MessageCarrier) {
    this.#carrier = carrier;
  }

  /** Whether no answer waits. */
  get isIdle(): boolean {
    return this.#waiting === 0;
  }

  /** @returns the bytes that were sent, good until others are */
  sendFailure(peer: PeerId, request: RequestMessage, reason: WireFailure): Uint8Array {
    const bytes = this.#carrier.encode(response(request, NO_VALUE, reason));
    this.post(peer, bytes);
    return bytes;
  }

  /**
   * @param value its bytes are good for this turn
   * @returns the bytes to be kept, good until others are sent; none when they are many
   */
  sendValue(peer: PeerId, request: RequestMessage, value: WireValue): Uint8Array {
    if (!this.#carrier.isShort(value)) {
      void this.#sendLong(peer, request, copyValue(value));
      return NOT_KEPT;
    }
    const bytes = this.#carrier.encode(response(request, value));
    this.post(peer, bytes);
    return bytes.length > MAX_KEPT_BYTES ? NOT_KEPT : bytes;
  }

  /**
   * Sends the items of a handler at the pace at which they are read.
   * @param onBroken is called when nobody reads them any more
   * @param onOpen gets the stream that carries them
   * @returns false when there is no link, or as many streams as there may be
   */
  async sendItems(
    peer: PeerId,
    request: RequestMessage,
    source: ItemSource,
    onBroken: () => void,
    onOpen: (stream: ServiceStream) => void,
  ): Promise<boolean> {
    const stream = this.#carrier.openStream(peer, response(request, NO_VALUE, undefined, true));
    if (stream === undefined) return false;
    onOpen(stream);
    await sendItems(source, stream, onBroken, this.#carrier.account(peer), "InvalidResult");
    return true;
  }

  /** An answer waits while the link is congested, for whoever asks much may read nothing; then further ones are dropped. */
  post(peer: PeerId, bytes: Uint8Array): void {
    if (this.#carrier.links.post(peer, bytes) === "congested") this.#postLater(peer, bytes);
  }

  #postLater(peer: PeerId, bytes: Uint8Array): void {
    const { links } = this.#carrier;
    const claim = this.#carrier.hold(peer, bytes.length + WAITING_OVERHEAD_BYTES);
    if (claim === undefined) return;
    const kept = bytes.slice();
    this.#waiting++;
    void links.drained(peer).then(() => {
      this.#waiting--;
      claim.release();
      this.post(peer, kept);
    });
  }

  async #sendLong(peer: PeerId, request: RequestMessage, value: WireValue): Promise<void> {
    const claim = this.#carrier.hold(peer, value.data.length);
    if (claim === undefined) {
      const reason = failure("Overloaded", "too much waits for this caller already", true);
      return void this.sendFailure(peer, request, reason);
    }
    this.#waiting++;
    try {
      const sent = await this.#carrier.sendLong(peer, value, (result) => response(request, result));
      if (sent === "no-link") {
        // Lost without a link, and with one there are as many streams as there may be.
        const full = failure("Overloaded", "too many streams of this caller are open already", true);
        return void this.sendFailure(peer, request, full);
      }
      if (sent !== "refused") return;
      const reason = failure("PayloadTooLarge", "the result is over the caller's limit", true);
      this.sendFailure(peer, request, reason);
    } catch {
      this.sendFailure(peer, request, failure("InvalidResult", "the result can't be compressed", true));
    } finally {
      this.#waiting--;
      claim.release();
    }
  }
}

function response(
  { number, callerRun }: RequestMessage,
  result: WireValue,
  failure?: WireFailure,
  streamsResult = false,
): ResponseMessage {
  return { kind: "response", number, callerRun, result, failure, streamsResult };
}

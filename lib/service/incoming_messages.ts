/**
 * Messages of peers on their way to what handles them: calls, answers, events, and notices.
 *
 * ```
 *   channel ─▶ handleMessage ─┬─ request, cancel ─▶ CallServer
 *                             ├─ response ────────▶ RemoteCaller
 *                             ├─ event: may its peer publish it? does anybody listen? ─▶ handleEvent
 *                             └─ all else ────────▶ handleNotice
 * ```
 *
 * @module
 */

import type { CallServer, RemoteCaller } from "./calls/mod.ts";
import { isProgram, type PeerId, type ServiceStream } from "./ports.ts";
import { TopicCache, type TopicPath } from "./topics/mod.ts";
import {
  decodeNodeMessage,
  type EventMessage,
  isRemote,
  type MessageCarrier,
  type NodeMessage,
  RESET_CANCELED,
  RESET_MALFORMED,
} from "./wire/mod.ts";

/** What a program does with what is no call. */
interface MessageHandlers {
  /**
   * Whether events of a peer are delivered; what is refused is counted.
   * @param isAgain whether it was asked about before its data came
   */
  acceptsEvent(peer: PeerId, topic: TopicPath, event: EventMessage, isAgain: boolean): boolean;
  /** Whether something becomes of an event that a peer sends. */
  hears(peer: PeerId, topic: TopicPath): boolean;
  /** @param event its bytes are good for this turn */
  handleEvent(peer: PeerId, topic: TopicPath, event: EventMessage): void;
  /** Handles a message that is neither a call, an answer nor an event. */
  handleNotice(peer: PeerId, message: NodeMessage): void;
}

/** One for a node or program. */
export class IncomingMessages {
  readonly #carrier: MessageCarrier;
  readonly #server: CallServer;
  readonly #remoteCaller: RemoteCaller;
  readonly #handlers: MessageHandlers;
  readonly #topics = new TopicCache();
  #rejected = 0;

  constructor(
    carrier: MessageCarrier,
    server: CallServer,
    remoteCaller: RemoteCaller,
    handlers: MessageHandlers,
  ) {
    this.#carrier = carrier;
    this.#server = server;
    this.#remoteCaller = remoteCaller;
    this.#handlers = handlers;
  }

  /** Messages that could not be read. */
  get rejected(): number {
    return this.#rejected;
  }

  /** @param bytes good until this returns @param stream what the message has opened, if anything */
  handleMessage(peer: PeerId, bytes: Uint8Array, stream?: ServiceStream): void {
    const message = decodeNodeMessage(bytes, isProgram(peer));
    switch (message?.kind) {
      case "request":
        return this.#server.handleRequest(peer, message, stream);
      case "response":
        return this.#remoteCaller.handleResponse(peer, message, stream);
      case "event":
        return this.#handleEvent(peer, message, stream);
    }
    stream?.reset(RESET_MALFORMED);
    if (message === undefined) this.#rejected++;
    else if (message.kind !== "cancel") {
      if (message.kind === "discovery") this.#rejected += message.advert.refused ?? 0;
      this.#handlers.handleNotice(peer, message);
    } else this.#server.handleCancel(peer, message.callerRun, message.number);
  }

  /** What its peer may not publish is dropped first, and what nobody here listens to is not read. */
  #handleEvent(peer: PeerId, event: EventMessage, stream: ServiceStream | undefined): void {
    const handlers = this.#handlers;
    const topic = this.#topics.tryParse(event.topic);
    if (topic === undefined) {
      stream?.reset(RESET_MALFORMED);
      this.#rejected++;
    } else if (!handlers.acceptsEvent(peer, topic, event, false)) stream?.reset(RESET_MALFORMED);
    else if (!isRemote(event.data)) {
      stream?.reset(RESET_MALFORMED);
      handlers.handleEvent(peer, topic, event);
    } else if (!handlers.hears(peer, topic)) stream?.reset(RESET_CANCELED);
    else this.#complete(peer, topic, event, stream);
  }

  #complete(
    peer: PeerId,
    topic: TopicPath,
    event: EventMessage,
    stream: ServiceStream | undefined,
  ): void {
    const handlers = this.#handlers;
    this.#carrier.complete(peer, event.data, stream).then((whole) => {
      if ("code" in whole) return void this.#rejected++;
      // Meanwhile the publisher may have lost its right, and this node may have stopped.
      if (handlers.acceptsEvent(peer, topic, event, true)) {
        handlers.handleEvent(peer, topic, { ...event, data: whole.value });
      }
      whole.claim.release();
    });
  }
}

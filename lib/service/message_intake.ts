/**
 * What others say, brought to whom it concerns.
 *
 * ```
 *   request, cancel ──▶ CallServer          event ──▶ PubSub
 *   response ─────────▶ RemoteCaller            heartbeat, leadership ──▶ ServiceLeadership
 *   discovery, of a program of this host ──▶ `learn`
 * ```
 *
 * @module
 */

import type { CallServer, RemoteCaller } from "./calls/mod.ts";
import type { PubSub } from "./events/mod.ts";
import {
  decodeNodeMessage,
  type EventMessage,
  isRemote,
  type MessageCarrier,
  RESET_MALFORMED,
  type ServiceAdvert,
} from "./wire/mod.ts";
import { isProgram, type PeerId, type ServiceStream } from "./ports.ts";
import type { ServiceLeadership } from "./registry/mod.ts";

/** Whom messages concern. */
export interface MessageIntakeParts {
  readonly carrier: MessageCarrier;
  readonly server: CallServer;
  readonly remoteCaller: RemoteCaller;
  readonly events: PubSub;
  readonly leadership: ServiceLeadership;
  /** The only one whose word on leadership counts. */
  readonly upstream: PeerId | undefined;
  /** What a program of this host offers. */
  learn(program: PeerId, advert: ServiceAdvert): void;
}

/** Reads messages, and counts those that could not be read. */
export class MessageIntake {
  readonly #parts: MessageIntakeParts;
  #rejected = 0;

  constructor(parts: MessageIntakeParts) {
    this.#parts = parts;
  }

  /** Messages that could not be read. */
  get rejected(): number {
    return this.#rejected;
  }

  /**
   * Takes a message in.
   * @param bytes good until this returns
   * @param stream what the message has opened, if anything
   */
  handle(peer: PeerId, bytes: Uint8Array, stream: ServiceStream | undefined): void {
    const { server, remoteCaller, leadership, upstream } = this.#parts;
    const message = decodeNodeMessage(bytes);
    switch (message?.kind) {
      case "request":
        return server.handleRequest(peer, message, stream);
      case "response":
        return remoteCaller.handleResponse(peer, message, stream);
      case "event":
        return this.#handleEvent(peer, message, stream);
    }
    stream?.reset(RESET_MALFORMED);
    switch (message?.kind) {
      case "cancel":
        return server.handleCancel(peer, message.callerRun, message.number);
      case "heartbeat":
        return leadership.hear(peer);
      case "leadership":
        if (peer === upstream) leadership.handleGrant(message.paths);
        return;
      case "discovery":
        if (isProgram(peer)) this.#parts.learn(peer, message.advert);
        return;
      default:
        this.#rejected++;
    }
  }

  #handleEvent(peer: PeerId, event: EventMessage, stream: ServiceStream | undefined): void {
    const { carrier, events } = this.#parts;
    if (!isRemote(event.data)) {
      stream?.end();
      return events.handleEvent(peer, event);
    }
    carrier.complete(peer, event.data, stream).then((data) => {
      if ("code" in data) this.#rejected++;
      else events.handleEvent(peer, { ...event, data });
    });
  }
}

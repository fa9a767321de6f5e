/**
 * WireGuard's handshakes as spans: of those that this node begins, `client`, and of those that it answers, `server`.
 *
 *     handshake-begun ─▶ retry … ─▶ completed | failed | cancelled     one span, with the number of attempts
 *     handshake-answered ─▶ completed | answered again                 one span; the latter was never confirmed
 *
 * A span is made when its handshake has ended, of the time at which it began: nothing is open for a peer that went away,
 * and whoever is no peer causes none.
 * @module
 */

import type { Clock, SpanAttributes, Tracer, UnixMillis } from "../../base/mod.ts";
import type { PublicKey } from "../../crypto/mod.ts";
import type { DeviceEvent } from "../../wireguard/mod.ts";

const NAME = "weft.wireguard.handshake";

/** What the spans need. */
export interface HandshakeSpansParts {
  readonly tracer: Tracer;
  readonly clock: Pick<Clock, "wall">;
  /** @returns how a peer is called, which never is its key; undefined for one that is gone */
  describe(peer: PublicKey): SpanAttributes | undefined;
}

interface Begun {
  readonly startedAt: UnixMillis;
  attempts: number;
}

/** Follows the events of one device. */
export class HandshakeSpans {
  readonly #parts: HandshakeSpansParts;
  readonly #begun = new Map<string, Begun>();
  readonly #answered = new Map<string, UnixMillis>();

  constructor(parts: HandshakeSpansParts) {
    this.#parts = parts;
  }

  /** Follows what happens to a session. */
  handleDeviceEvent(event: DeviceEvent): void {
    const key = event.peer.toString();
    switch (event.kind) {
      case "handshake-begun":
        this.#begun.set(key, { startedAt: this.#parts.clock.wall(), attempts: 1 });
        break;
      case "handshake-retry": {
        const begun = this.#begun.get(key);
        if (begun !== undefined) begun.attempts++;
        break;
      }
      case "handshake-answered":
        this.#endAnswered(event.peer, "Unconfirmed");
        this.#answered.set(key, this.#parts.clock.wall());
        break;
      case "handshake-completed":
        // Both may have called: either session ends what is under way here.
        this.#endBegun(event.peer);
        if (event.role === "responder") this.#endAnswered(event.peer);
        break;
      case "handshake-failed":
        this.#endBegun(event.peer, "Unanswered");
        break;
      case "handshake-cancelled":
        this.#endBegun(event.peer, "Cancelled");
        break;
      case "session-expired":
        this.#endAnswered(event.peer, "Unconfirmed");
        break;
    }
  }

  #endBegun(peer: PublicKey, error?: string): void {
    const begun = this.#begun.get(peer.toString());
    if (begun === undefined) return;
    this.#begun.delete(peer.toString());
    const { startedAt, attempts } = begun;
    const attributes = { ...this.#parts.describe(peer), "weft.attempts": attempts };
    this.#parts.tracer.start(NAME, { kind: "client", startedAt, attributes }).end({ error });
  }

  #endAnswered(peer: PublicKey, error?: string): void {
    const startedAt = this.#answered.get(peer.toString());
    if (startedAt === undefined) return;
    this.#answered.delete(peer.toString());
    const attributes = this.#parts.describe(peer);
    this.#parts.tracer.start(NAME, { kind: "server", startedAt, ...attributes && { attributes } }).end({
      error,
    });
  }
}

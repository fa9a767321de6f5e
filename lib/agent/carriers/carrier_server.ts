/**
 * The end of carriers that others have opened: a member that relays, or that is meant itself.
 * @module
 */

import type { ChannelStream } from "../../channel/mod.ts";
import type { CarrierSocket, CarrierSocketOptions } from "../../dataplane/mod.ts";
import { type NodeId, nodeIdFromBytes } from "../../mesh/mod.ts";
import { echoOf, encodeBind, type LegKey, openBound, type RelayLeg } from "../../relay/mod.ts";
import type { AgentContext } from "../agent_context.ts";
import type { RelayHost } from "../relay/mod.ts";
import { CarrierPipe } from "./carrier_pipe.ts";

/** How many carriers there may be. */
export interface CarrierBounds {
  /** Of one member. */
  readonly perMember: number;
  /** Of all. */
  readonly total: number;
}

/** What holds unless told. */
export const CARRIER_BOUNDS: CarrierBounds = { perMember: 32, total: 512 };

/** What a stream is reset with that is refused; 0 is the end of a carrier. */
export const CARRIER_REFUSALS = {
  malformed: 1,
  "not-relaying": 2,
  "not-member": 3,
  "too-many": 4,
  "no-plane": 5,
  failed: 6,
} as const;

/** One of `CARRIER_REFUSALS`. */
export type CarrierRefusal = keyof typeof CARRIER_REFUSALS;

/** A frame without a datagram: the stream is taken. */
export const ACCEPTED: Uint8Array = Uint8Array.of(0, 0);

/** A bind that is not answered is sent again after so long. */
const BIND_AGAIN_MS = 200;
const MAX_BINDS = 25;
/** So often a leg that is in use is bound anew: a session ends that hears nothing for two minutes. */
const REBIND_MS = 30_000;

/** What both ends need of their node. */
export interface CarrierParts extends Pick<AgentContext, "mesh" | "clock" | "timers" | "log"> {
  readonly relay: Pick<RelayHost, "open" | "prepare" | "joinsStreams" | "noteCarried">;
  /** The UDP port of the packet plane; undefined without one. */
  readonly planePort: () => number | undefined;
  readonly openSocket: (options: CarrierSocketOptions) => CarrierSocket;
  readonly bounds?: CarrierBounds;
}

/** A carrier that somebody has opened here. */
interface ServedCarrier {
  readonly from: NodeId;
  readonly target: NodeId;
  readonly pipe: CarrierPipe;
  /** Says that datagrams would arrive: the leg is bound, or the other member's stream is there. */
  readonly ready: PromiseWithResolvers<boolean>;
}

/**
 * Joins streams of members to legs of relay sessions, and to this node's own plane. Where both members of a session come
 * by streams, what one sends goes into the stream of the other at once, past the legs, which stay bound meanwhile.
 */
export class CarrierServer {
  readonly #parts: CarrierParts;
  readonly #onEnded: (pipe: CarrierPipe) => void;
  readonly #carriers = new Set<ServedCarrier>();

  constructor(parts: CarrierParts, onEnded: (pipe: CarrierPipe) => void) {
    this.#parts = parts;
    this.#onEnded = onEnded;
  }

  /** Those that there are. */
  get carriers(): readonly ServedCarrier[] {
    return [...this.#carriers];
  }

  /** A member has begun a stream. */
  handleStream(from: NodeId, header: Uint8Array, stream: ChannelStream): void {
    const target = nodeIdFromBytes(header);
    const refusal = target === undefined ? "malformed" : this.#serve(from, target, stream);
    if (refusal !== undefined) stream.reset(CARRIER_REFUSALS[refusal]);
  }

  /** Ends all of them, or those of one member. */
  close(from?: NodeId): void {
    for (const carrier of this.carriers) {
      if (from === undefined || carrier.from === from || carrier.target === from) carrier.pipe.close();
    }
  }

  #serve(from: NodeId, target: NodeId, stream: ChannelStream): CarrierRefusal | undefined {
    const { mesh, relay, planePort, bounds = CARRIER_BOUNDS } = this.#parts;
    // Whoever opens one again has lost the first.
    for (const carrier of this.carriers) {
      if (carrier.from !== from || carrier.target !== target) continue;
      this.#carriers.delete(carrier);
      carrier.pipe.close();
    }
    const ofMember = this.carriers.filter((carrier) => carrier.from === from).length;
    if (ofMember >= bounds.perMember || this.#carriers.size >= bounds.total) return "too-many";
    if (target === mesh.identity.id) {
      const peerPort = planePort();
      if (peerPort === undefined) return "no-plane";
      // Whoever is reached by a stream only is reached by others through a relay.
      relay.prepare();
      return this.#open(from, target, stream, peerPort);
    }
    const legs = relay.open(from, target);
    if (legs === "not-relaying" || legs === "not-member") return legs;
    if (typeof legs === "string") return "too-many";
    return this.#open(from, target, stream, legs.a.port, legs.a);
  }

  #open(
    from: NodeId,
    target: NodeId,
    stream: ChannelStream,
    peerPort: number,
    leg?: RelayLeg,
  ): CarrierRefusal | undefined {
    const { openSocket, clock, log } = this.#parts;
    let binder: LegBinder | undefined;
    let pipe: CarrierPipe;
    try {
      pipe = new CarrierPipe({
        openSocket,
        clock,
        peerPort,
        intercept: (datagram) => binder?.take(datagram) ?? false,
      });
    } catch (error) {
      log.warn("cannot open a socket for a carrier", { from, error });
      return "failed";
    }
    const carrier = { from, target, pipe, ready: Promise.withResolvers<boolean>() };
    this.#carriers.add(carrier);
    if (leg === undefined) carrier.ready.resolve(true);
    else {
      binder = new LegBinder(this.#parts, leg, pipe);
      void binder.bound.then(carrier.ready.resolve);
      this.#pair(carrier);
    }
    void stream.closed.then(() => pipe.close());
    void pipe.closed.then(() => {
      this.#carriers.delete(carrier);
      this.#partnerOf(carrier)?.pipe.stopForwardingTo(pipe);
      this.#onEnded(pipe);
      binder?.close();
      // One that has not joined yet.
      stream.reset(CARRIER_REFUSALS.failed);
    });
    void this.#join(stream, carrier);
    return undefined;
  }

  async #join(stream: ChannelStream, { pipe, ready }: ServedCarrier): Promise<void> {
    if (!await ready.promise) return pipe.close();
    if (!await stream.write(ACCEPTED)) return pipe.close();
    pipe.join(stream);
  }

  /** Has two carriers lead into each other, if the other one is there. */
  #pair(carrier: ServedCarrier): void {
    const { relay } = this.#parts;
    const partner = this.#partnerOf(carrier);
    if (partner === undefined || !relay.joinsStreams) return;
    for (const [one, other] of [[carrier, partner], [partner, carrier]] as const) {
      one.pipe.forwardTo({
        pipe: other.pipe,
        mayForward: () => relay.joinsStreams,
        onForwarded: (datagrams, bytes) => relay.noteCarried(datagrams, bytes),
      });
      one.ready.resolve(true);
    }
  }

  #partnerOf({ from, target }: ServedCarrier): ServedCarrier | undefined {
    return this.carriers.find((other) => other.from === target && other.target === from);
  }
}

/** Binds a leg to the local socket of a carrier, and keeps it bound while packets come by the stream. */
class LegBinder {
  /** Whether the relay has answered. */
  readonly bound: Promise<boolean>;
  readonly #parts: Pick<CarrierParts, "clock" | "timers">;
  readonly #leg: LegKey;
  readonly #pipe: CarrierPipe;
  readonly #settle: (isBound: boolean) => void;
  #isBound = false;
  #counter = 0;
  #binds = 0;
  #seenBytes = 0;
  #cancel: () => void = () => {};

  constructor(parts: Pick<CarrierParts, "clock" | "timers">, leg: LegKey, pipe: CarrierPipe) {
    this.#parts = parts;
    this.#leg = leg;
    this.#pipe = pipe;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.bound = promise;
    this.#settle = resolve;
    this.#ask();
  }

  /** @returns whether the datagram was an answer of the relay */
  take(datagram: Uint8Array): boolean {
    if (openBound(datagram, this.#leg) === undefined) return false;
    if (!this.#isBound) {
      this.#isBound = true;
      this.#settle(true);
      this.#wait(REBIND_MS);
    }
    const echo = echoOf(datagram);
    if (echo !== undefined) this.#bind(echo);
    return true;
  }

  close(): void {
    this.#cancel();
    this.#settle(false);
  }

  #ask(): void {
    const { received } = this.#pipe.carried;
    // Of a member that has another way to the leg by now, the leg is left to that.
    const isDue = !this.#isBound || received > this.#seenBytes;
    this.#seenBytes = received;
    if (isDue) this.#bind();
    if (!this.#isBound && ++this.#binds > MAX_BINDS) return this.#settle(false);
    this.#wait(this.#isBound ? REBIND_MS : BIND_AGAIN_MS);
  }

  /** @param echo of the bound that asks for it */
  #bind(echo?: Uint8Array): void {
    this.#counter = Math.max(this.#counter + 1, this.#parts.clock.wall());
    this.#pipe.socket.send(encodeBind("bind", this.#leg, this.#counter, echo));
    this.#pipe.socket.flush();
  }

  #wait(delayMs: number): void {
    this.#cancel();
    this.#cancel = this.#parts.timers.setTimer(delayMs, () => this.#ask());
  }
}

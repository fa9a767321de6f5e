/**
 * What becomes of handshake messages and cookies that come in (WireGuard paper §5.4.2 to §5.4.4, §5.4.7).
 * @module
 */

import type { Millis } from "../base/mod.ts";
import type { Endpoint } from "../net/mod.ts";
import type { DeviceContext } from "./device_context.ts";
import { createResponse, readInitiation, readResponse } from "./handshake.ts";
import { HandshakeGate } from "./handshake_gate.ts";
import {
  COOKIE_REPLY_BYTES,
  INITIATION_BYTES,
  readIndex,
  RESPONSE_BYTES,
  TYPE_COOKIE_REPLY,
  TYPE_INITIATION,
  type TYPE_RESPONSE,
} from "./messages.ts";
import { type DatagramOutcome, DROPPED, type DropReason, HANDLED } from "./outcomes.ts";
import type { Peer } from "./peer.ts";

/** The type of a message that belongs to a handshake. */
export type HandshakeType = typeof TYPE_INITIATION | typeof TYPE_RESPONSE | typeof TYPE_COOKIE_REPLY;

/** Belongs to one device. */
export class HandshakeReceiver {
  readonly #context: DeviceContext<Peer>;
  readonly #peers: ReadonlyMap<string, Peer>;
  readonly #gate: HandshakeGate;

  /** @param peers by their public keys @param handshakesPerSecond so many are answered without a cookie */
  constructor(context: DeviceContext<Peer>, peers: ReadonlyMap<string, Peer>, handshakesPerSecond: number) {
    this.#context = context;
    this.#peers = peers;
    this.#gate = new HandshakeGate(context, handshakesPerSecond);
  }

  /** Takes the device's key as it is now. */
  followKey(): void {
    this.#gate.followKey();
  }

  /** Takes a message of `type`. Nothing in it makes this throw. */
  handle(now: Millis, type: HandshakeType, message: Uint8Array, source: Endpoint): DatagramOutcome {
    if (type === TYPE_COOKIE_REPLY) return this.#handleCookieReply(now, message);
    const refusal = this.#gate.refuses(now, message, source);
    if (refusal !== undefined) return this.#drop(refusal);
    return type === TYPE_INITIATION
      ? this.#handleInitiation(now, message, source)
      : this.#handleResponse(now, message, source);
  }

  #handleInitiation(now: Millis, message: Uint8Array, source: Endpoint): DatagramOutcome {
    const read = readInitiation(this.#context, message);
    if (read === undefined) return this.#drop("wrong-handshake");
    const { state, publicKey, timestamp } = read;
    const peer = this.#peers.get(publicKey.toString());
    const verdict = peer?.initiations.accepts(now, timestamp);
    if (peer === undefined || verdict !== "yes") {
      state.wipe();
      if (peer === undefined) return this.#drop("unknown-peer");
      return this.#drop(verdict === "flood" ? "handshake-flood" : "replayed-handshake");
    }
    peer.noteReceived(now, source, INITIATION_BYTES);
    const remoteIndex = readIndex(message, 4);
    const localIndex = this.#context.indices.allocate({ peer, keypair: undefined });
    const { message: response, keys } = createResponse(state, {
      presharedKey: peer.presharedKey,
      localIndex,
      remoteIndex,
    });
    peer.beginSession(now, keys, { isInitiator: false, localIndex, remoteIndex });
    // Back the way that worked, also where packets are to go by another one.
    peer.sendHandshakeMessage(now, response, source);
    this.#context.emit({ kind: "handshake-answered", peer: peer.publicKey });
    return HANDLED;
  }

  #handleResponse(now: Millis, message: Uint8Array, source: Endpoint): DatagramOutcome {
    const localIndex = readIndex(message, 8);
    const peer = this.#context.indices.get(localIndex)?.peer;
    const pending = peer?.initiator.pending;
    if (peer === undefined || pending?.localIndex !== localIndex) return this.#drop("unknown-session");
    const keys = readResponse(pending, message);
    if (keys === undefined) return this.#drop("wrong-handshake");
    peer.initiator.pending = undefined;
    peer.noteReceived(now, source, RESPONSE_BYTES);
    peer.beginSession(now, keys, { isInitiator: true, localIndex, remoteIndex: readIndex(message, 4) });
    peer.noteHandshakeComplete("initiator");
    // The first message confirms the session to the responder, be it empty (paper §5.4.5).
    peer.sendKeepalive(now);
    return HANDLED;
  }

  #handleCookieReply(now: Millis, message: Uint8Array): DatagramOutcome {
    const peer = this.#context.indices.get(readIndex(message, 4))?.peer;
    if (peer === undefined) return this.#drop("unknown-session");
    if (!peer.cookies.consume(now, message)) return this.#drop("wrong-cookie");
    peer.rxBytes += COOKIE_REPLY_BYTES;
    return HANDLED;
  }

  #drop(reason: DropReason): DatagramOutcome {
    this.#context.counters.count(reason);
    return DROPPED[reason];
  }
}

/**
 * The initiations of one peer's handshakes: when the next one goes out, and which one waits for its response (WireGuard
 * paper §6.4).
 * @module
 */

import { type Millis, randomFraction } from "../base/mod.ts";
import type { DeviceContext } from "./device_context.ts";
import { createInitiation, type PendingInitiation } from "./handshake.ts";
import type { Keypair } from "./keypair.ts";
import type { PresharedKey, PublicKey } from "../crypto/mod.ts";
import type { Endpoint } from "../net/mod.ts";
import { type PeerTimers, TIMER, type Timer } from "./peer_timers.ts";

/** A peer that has another path is called there so soon after the last call. */
const REDIRECT_MS = 250;

/** Who is called. */
export interface CalledPeer {
  readonly publicKey: PublicKey;
  readonly presharedKey: PresharedKey;
  readonly endpoint: Endpoint | undefined;
  readonly hasSession: boolean;
  readonly persistentKeepaliveMs: number;
  readonly timers: PeerTimers;
  /** Lets a timer run out at `deadlineMs`. */
  arm(timer: Timer, deadlineMs: number): void;
  /** Signs and sends. */
  sendHandshakeMessage(now: Millis, message: Uint8Array): void;
}

/** Belongs to one peer. */
export class Initiator<Peer extends CalledPeer> {
  /** What waits for its response. */
  pending: PendingInitiation | undefined;
  readonly #peer: Peer;
  readonly #context: DeviceContext<Peer>;
  #isLowOrder = false;
  /** Whether a handshake was begun here that has not ended. */
  #isUnderWay = false;
  /** Whether the session in use was followed by another handshake, as its end was near. */
  #hasRenewed = false;
  #sentAt = -Infinity;
  #wantedAt = -Infinity;
  #attempts = 0;
  #jitterMs = 0;

  constructor(peer: Peer, context: DeviceContext<Peer>) {
    this.#peer = peer;
    this.#context = context;
  }

  /** What is added to the time between two attempts. */
  get jitterMs(): number {
    return this.#jitterMs;
  }

  /** Begins a handshake, unless one was begun less than 5 s ago. */
  initiate(now: Millis): void {
    this.#attempts = 0;
    if (now - this.#sentAt < this.#context.timers.rekeyTimeoutMs) return;
    if (this.#send(now)) this.#armRetry(now);
  }

  /** A message was sent by a session: an old one of ours is followed by the next (paper §6.2). */
  renewAfterSending(now: Millis, { isInitiator, createdAt, counter }: Keypair): void {
    const isOld = isInitiator && now - createdAt > this.#context.timers.rekeyAfterTimeMs;
    if (isOld || counter.isOld) this.initiate(now);
  }

  /** A message came in: once, if `current` is ours and ends before a keepalive and an attempt would (paper §6.2). */
  renewAfterReceiving(now: Millis, current: Keypair | undefined): void {
    if (this.#hasRenewed || current === undefined || !current.isInitiator) return;
    const { rejectAfterTimeMs, keepaliveTimeoutMs, rekeyTimeoutMs } = this.#context.timers;
    if (now - current.createdAt < rejectAfterTimeMs - keepaliveTimeoutMs - rekeyTimeoutMs) return;
    this.#hasRenewed = true;
    this.initiate(now);
  }

  /** A packet has no session to go by. Says so, once in the time between two attempts. */
  noteWanted(now: Millis): void {
    if (now - this.#wantedAt < this.#context.timers.rekeyTimeoutMs || this.#context.isSilent) return;
    this.#wantedAt = now;
    this.#context.emit({ kind: "session-wanted", peer: this.#peer.publicKey });
  }

  /** No answer: tries again. @returns whether it has; else there were attempts enough */
  retry(now: Millis): boolean {
    const { timers } = this.#context;
    if (this.#attempts >= Math.floor(timers.rekeyAttemptTimeMs / timers.rekeyTimeoutMs)) {
      this.forget();
      this.#isUnderWay = false;
      return false;
    }
    this.#attempts++;
    // One may have gone out just now, because of another path.
    if (now - this.#sentAt >= this.#redirectMs) this.#send(now);
    if (this.pending !== undefined) this.#armRetry(now);
    else this.#cancel();
    this.#context.emit({ kind: "handshake-retry", peer: this.#peer.publicKey, attempt: this.#attempts });
    return true;
  }

  /** Packets go elsewhere now: whoever is being called, or is wanted, is called there, soon after the last call. */
  redirect(now: Millis): void {
    const { timers, hasSession, persistentKeepaliveMs } = this.#peer;
    const isCalled = timers.isArmed(TIMER.RETRANSMIT_HANDSHAKE);
    const isWanted = persistentKeepaliveMs > 0 || now - this.#wantedAt < this.#context.timers.rekeyTimeoutMs;
    if (!isCalled && (hasSession || !isWanted)) return;
    const at = this.#sentAt + this.#redirectMs;
    if (now < at) this.#peer.arm(TIMER.REDIRECT_HANDSHAKE, at);
    else if (this.#send(now) && !isCalled) this.#armRetry(now);
  }

  /** Forgets an initiation that got no answer. */
  forget(): void {
    if (this.pending === undefined) return;
    this.pending.state.wipe();
    this.#context.indices.release(this.pending.localIndex);
    this.pending = undefined;
  }

  /** A handshake was completed. */
  noteComplete(): void {
    this.#peer.timers.cancel(TIMER.RETRANSMIT_HANDSHAKE);
    this.#peer.timers.cancel(TIMER.REDIRECT_HANDSHAKE);
    this.#attempts = 0;
    this.#isUnderWay = false;
    this.#hasRenewed = false;
  }

  /** Forgets all but the peer: the next handshake begins at once. */
  reset(): void {
    this.forget();
    this.#cancel();
    this.#sentAt = this.#wantedAt = -Infinity;
  }

  /** Follows a change of the device's own key. */
  noteOwnKey(): void {
    this.#isLowOrder = this.#context.privateKey.sharedSecret(this.#peer.publicKey) === undefined;
    this.reset();
  }

  /** Less where the time between two attempts is less, as in a test. */
  get #redirectMs(): number {
    return Math.min(REDIRECT_MS, this.#context.timers.rekeyTimeoutMs);
  }

  #cancel(): void {
    if (!this.#isUnderWay) return;
    this.#isUnderWay = false;
    this.#context.emit({ kind: "handshake-cancelled", peer: this.#peer.publicKey });
  }

  #armRetry(now: Millis): void {
    const { timers, random } = this.#context;
    this.#jitterMs = randomFraction(random) * timers.rekeyJitterMs;
    this.#peer.arm(TIMER.RETRANSMIT_HANDSHAKE, now + timers.rekeyTimeoutMs + this.#jitterMs);
  }

  /** @returns false when nobody can be called */
  #send(now: Millis): boolean {
    const { indices, timestamps, isSilent } = this.#context;
    const peer = this.#peer;
    if (this.#isLowOrder || isSilent || peer.endpoint === undefined) return false;
    this.#sentAt = now;
    this.forget();
    const localIndex = indices.allocate({ peer, keypair: undefined });
    const { message, state } = createInitiation(this.#context, {
      publicKey: peer.publicKey,
      presharedKey: peer.presharedKey,
      localIndex,
      timestamp: timestamps.next(),
    });
    this.pending = { state, localIndex };
    peer.sendHandshakeMessage(now, message);
    if (!this.#isUnderWay) {
      this.#isUnderWay = true;
      this.#context.emit({ kind: "handshake-begun", peer: peer.publicKey });
    }
    return true;
  }
}

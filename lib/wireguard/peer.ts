/**
 * One peer of a device: its sessions, its timers, and what waits to be sent to it. It seals packet by packet; the fast
 * packet plane seals batches with the session that `sessionForBatch` hands out.
 * @module
 */

import { BoundedQueue, type Millis, millis, type UnixMillis } from "../base/mod.ts";
import { PresharedKey, type PublicKey, TAG_BYTES } from "../crypto/mod.ts";
import type { Cidr, Endpoint } from "../net/mod.ts";
import { STAGED_PACKETS } from "./constants.ts";
import { CookieGenerator } from "./cookies.ts";
import type { DeviceContext } from "./device_context.ts";
import type { SessionKeys } from "./handshake.ts";
import { InitiationGuard } from "./handshake_limits.ts";
import { Initiator } from "./initiator.ts";
import { Keypair, Keypairs, type SessionFields } from "./keypair.ts";
import { TRANSPORT_HEADER_BYTES, writeTransportHeader } from "./messages.ts";
import type { DropReason } from "./outcomes.ts";
import { PeerPath } from "./peer_path.ts";
import { PeerTimers, TIMER, type Timer } from "./peer_timers.ts";

const NO_BYTES = new Uint8Array(0);
/** Keys are forgotten after this many lives of a session (paper §6.3). */
const ZERO_KEYS_FACTOR = 3;

/** The sending half of a peer, and its timers; `Device` receives for it. */
export class Peer {
  readonly publicKey: PublicKey;
  /** Where its packets go. */
  readonly path: PeerPath = new PeerPath();
  /** `AllowedIps` changes it. */
  readonly prefixes: Map<string, Cidr> = new Map();

  /** Handshakes mix it in; a session that is under way goes on with the former one. */
  presharedKey: PresharedKey = PresharedKey.none();
  readonly keypairs: Keypairs;
  readonly cookies: CookieGenerator;
  /** The longest packet that its path takes; Infinity while that is no less than the device's MTU. */
  pathMtuBytes: number = Infinity;
  /** 0 for none; `setPersistentKeepalive` changes it. */
  persistentKeepaliveMs: number = 0;
  lastHandshakeAt: UnixMillis | undefined;
  rxBytes = 0;
  txBytes = 0;

  /** Of the initiations that the peer sends. */
  readonly initiations: InitiationGuard;
  readonly timers: PeerTimers = new PeerTimers();
  /** Of the handshakes that begin here. */
  readonly initiator: Initiator<Peer>;
  readonly #context: DeviceContext<Peer>;
  readonly #staged = new BoundedQueue<Uint8Array>(STAGED_PACKETS);
  #pathBytes: number | undefined;
  #needsAnotherKeepalive = false;

  constructor(publicKey: PublicKey, context: DeviceContext<Peer>) {
    this.publicKey = publicKey;
    this.#context = context;
    this.cookies = new CookieGenerator(publicKey, context.timers.cookieRefreshTimeMs);
    this.initiations = new InitiationGuard(context.timers.initiationIntervalMs);
    this.keypairs = new Keypairs((keypair) => {
      context.indices.release(keypair.localIndex);
      keypair.wipe();
      this.noteChange();
    });
    this.initiator = new Initiator(this, context);
    this.noteOwnKey();
  }

  get endpoint(): Endpoint | undefined {
    return this.path.endpoint;
  }

  get source(): Endpoint | undefined {
    return this.path.source;
  }

  /** Whether there is a session to send by. */
  get hasSession(): boolean {
    return this.keypairs.current !== undefined;
  }

  /** @param seconds 0 for none; a keepalive goes out at once when there was none before */
  setPersistentKeepalive(now: Millis, seconds: number): void {
    const isNew = this.persistentKeepaliveMs === 0 && seconds > 0;
    this.persistentKeepaliveMs = seconds * 1000;
    if (seconds === 0) this.timers.cancel(TIMER.PERSISTENT_KEEPALIVE);
    if (isNew) this.greet(now);
  }

  /** Sends a first keepalive if there are to be any. */
  greet(now: Millis): void {
    if (this.persistentKeepaliveMs === 0) return;
    this.sendKeepalive(now);
    this.#noteTraversal(now);
  }

  /**
   * Seals a packet of this host for the peer, or keeps it until there is a session.
   * @returns why it did neither, or undefined
   */
  send(now: Millis, packet: Uint8Array): DropReason | undefined {
    const keypair = this.#sendingKeypair(now);
    if (keypair !== undefined && this.#staged.size === 0) {
      return this.#seal(now, keypair, packet);
    }
    if (keypair === undefined) this.initiator.noteWanted(now);
    if (this.endpoint === undefined) return this.#count("no-endpoint");
    if (this.#staged.push(packet.slice()) !== undefined) this.#count("handshake-queue-full");
    this.sendStaged(now);
    return undefined;
  }

  /**
   * For whoever seals a batch by itself: the session to send on, unless packets wait for one already.
   * @returns it, or undefined; its `counter` gives numbers, and `noteSealed` wants to hear of what was sealed
   */
  sessionForBatch(now: Millis): Keypair | undefined {
    return this.#staged.size === 0 ? this.#sendingKeypair(now) : undefined;
  }

  /** A batch was sealed with `keypair`, in all `lengthBytes` of datagrams. */
  noteSealed(now: Millis, keypair: Keypair, { lengthBytes }: { readonly lengthBytes: number }): void {
    this.txBytes += lengthBytes;
    this.#noteDataSent(now, keypair);
  }

  /** Others have sealed packets for the peer with the session in use, in all `lengthBytes` of datagrams. */
  noteSealedElsewhere(now: Millis, lengthBytes: number): void {
    this.txBytes += lengthBytes;
    const { current } = this.keypairs;
    if (current !== undefined) this.#noteDataSent(now, current);
  }

  /** Sends what waits for a session, or begins a handshake. */
  sendStaged(now: Millis): void {
    if (this.#staged.size === 0) return;
    const keypair = this.#sendingKeypair(now);
    if (keypair === undefined) return this.initiate(now);
    for (let packet = this.#staged.shift(); packet !== undefined; packet = this.#staged.shift()) {
      this.#seal(now, keypair, packet);
    }
  }

  /** Sends an empty message, unless packets wait and serve as well. */
  sendKeepalive(now: Millis): void {
    if (this.#staged.size > 0) return this.sendStaged(now);
    const keypair = this.#sendingKeypair(now);
    if (keypair === undefined) this.initiate(now);
    else void this.#seal(now, keypair, NO_BYTES);
  }

  /** Begins a handshake, unless one was begun less than 5 s ago. */
  initiate(now: Millis): void {
    this.initiator.initiate(now);
  }

  /** Sends to another endpoint, unless the path is set. */
  suggestEndpoint(endpoint: Endpoint): void {
    this.path.suggest(endpoint);
    this.noteChange();
  }

  /** Sends to `endpoint`, wherever packets come from; undefined lets them decide again. */
  setPath(now: Millis, endpoint: Endpoint | undefined): void {
    const isNew = this.path.set(endpoint);
    this.noteChange();
    if (isNew) this.initiator.redirect(now);
  }

  /** Signs and sends an initiation or response. @param destination where the peer's packets go, unless given */
  sendHandshakeMessage(
    now: Millis,
    message: Uint8Array,
    destination: Endpoint | undefined = this.endpoint,
  ): void {
    if (destination === undefined) return;
    this.cookies.sign(now, message);
    this.noteSent(now);
    const out = this.#claim(message.length, destination);
    if (out === undefined) this.#count("transmit-queue-full");
    else out.set(message);
  }

  /** Begins a session with the keys of a handshake, at the index that the handshake used. */
  beginSession(now: Millis, keys: SessionKeys, session: SessionFields): void {
    const { aead, indices, timers } = this.#context;
    const keypair = Keypair.of({ ...session, createdAt: now }, aead, keys);
    indices.replace(session.localIndex, { peer: this, keypair });
    this.keypairs.add(keypair);
    this.noteChange();
    this.arm(TIMER.ZERO_KEYS, now + timers.rejectAfterTimeMs * ZERO_KEYS_FACTOR);
  }

  /** Its session, or where that sends to, is perhaps another one now. */
  noteChange(): void {
    this.#context.changed?.add(this);
  }

  /** Follows a change of the device's own key: sessions were made with the former one. */
  noteOwnKey(): void {
    this.keypairs.clear();
    this.initiator.noteOwnKey();
  }

  /** @param pathBytes the longest packet that its path takes, if that is known @param mtuBytes the device's MTU */
  limitPackets(pathBytes: number | undefined, mtuBytes: number): void {
    this.#pathBytes = pathBytes;
    this.pathMtuBytes = pathBytes === undefined || pathBytes >= mtuBytes ? Infinity : pathBytes;
    this.noteChange();
  }

  /** Follows a change of the device's MTU. */
  noteMtu(mtuBytes: number): void {
    this.limitPackets(this.#pathBytes, mtuBytes);
  }

  /** Forgets every key and everything that waits. */
  clear(): void {
    this.keypairs.clear();
    this.initiator.reset();
    this.#staged.clear();
    this.timers.cancelAll();
  }

  /** A session is confirmed by both sides. */
  noteHandshakeComplete(role: "initiator" | "responder"): void {
    this.initiator.noteComplete();
    this.lastHandshakeAt = this.#context.wall();
    this.#context.emit({ kind: "handshake-completed", peer: this.publicKey, role });
  }

  /** An authentic message went out. */
  noteSent(now: Millis): void {
    this.timers.cancel(TIMER.SEND_KEEPALIVE);
    this.#noteTraversal(now);
  }

  #countReceived(now: Millis, lengthBytes: number): void {
    this.rxBytes += lengthBytes;
    this.timers.cancel(TIMER.NEW_HANDSHAKE);
    this.#noteTraversal(now);
  }

  /** An authentic message of `lengthBytes` came in. */
  noteReceived(now: Millis, source: Endpoint, lengthBytes: number): void {
    this.#countReceived(now, lengthBytes);
    const former = this.endpoint;
    const hasMoved = this.path.follow(source);
    if (this.endpoint !== former) this.noteChange();
    if (hasMoved) {
      this.#context.emit({ kind: "endpoint-changed", peer: this.publicKey, endpoint: source });
    }
  }

  /** Authentic messages of one session came in, `lengthBytes` of datagrams; not only keepalives when `hasPackets`. */
  noteOpened(
    now: Millis,
    session: Keypair,
    source: Endpoint,
    lengthBytes: number,
    hasPackets: boolean,
  ): void {
    this.noteReceived(now, source, lengthBytes);
    this.#noteSession(now, session, hasPackets);
  }

  /** Others have opened datagrams of a session that is confirmed, from where the last ones came that were opened here. */
  noteOpenedElsewhere(now: Millis, session: Keypair, lengthBytes: number, hasPackets: boolean): void {
    this.#countReceived(now, lengthBytes);
    this.#noteSession(now, session, hasPackets);
  }

  #noteSession(now: Millis, session: Keypair, hasPackets: boolean): void {
    if (this.keypairs.confirm(session)) {
      this.noteChange();
      this.noteHandshakeComplete("responder");
      this.sendStaged(now);
    }
    this.initiator.renewAfterReceiving(now, this.keypairs.current);
    if (hasPackets) this.#noteDataReceived(now);
  }

  #noteDataReceived(now: Millis): void {
    if (this.timers.isArmed(TIMER.SEND_KEEPALIVE)) this.#needsAnotherKeepalive = true;
    else {
      // What was received before has been answered meanwhile.
      this.#needsAnotherKeepalive = false;
      this.arm(TIMER.SEND_KEEPALIVE, now + this.#context.timers.keepaliveTimeoutMs);
    }
  }

  /** Does what a timer that ran out demands. */
  handleTimer(now: Millis, timer: Timer): void {
    switch (timer) {
      case TIMER.RETRANSMIT_HANDSHAKE:
        this.#retryHandshake(now);
        break;
      case TIMER.SEND_KEEPALIVE:
        this.sendKeepalive(now);
        if (this.#needsAnotherKeepalive) {
          this.#needsAnotherKeepalive = false;
          this.arm(TIMER.SEND_KEEPALIVE, now + this.#context.timers.keepaliveTimeoutMs);
        }
        break;
      case TIMER.NEW_HANDSHAKE:
        this.path.leaveAnyWay();
        this.noteChange();
        this.initiate(now);
        break;
      case TIMER.REDIRECT_HANDSHAKE:
        this.initiator.redirect(now);
        break;
      case TIMER.ZERO_KEYS:
        this.keypairs.clear();
        // A handshake that is under way goes on, and what waits for it stays.
        if (!this.timers.isArmed(TIMER.RETRANSMIT_HANDSHAKE)) this.initiator.forget();
        this.#context.emit({ kind: "session-expired", peer: this.publicKey });
        break;
      case TIMER.PERSISTENT_KEEPALIVE:
        this.sendKeepalive(now);
        // Nothing went out if there is no endpoint yet, or an initiation just before.
        this.#noteTraversal(now);
        break;
    }
  }

  #retryHandshake(now: Millis): void {
    this.path.leaveAnyWay();
    this.noteChange();
    if (this.initiator.retry(now)) return;
    this.timers.cancel(TIMER.SEND_KEEPALIVE);
    while (this.#staged.shift() !== undefined) this.#count("handshake-failed");
    this.#context.emit({ kind: "handshake-failed", peer: this.publicKey });
  }

  #sendingKeypair(now: Millis): Keypair | undefined {
    const { current } = this.keypairs;
    if (current === undefined || this.endpoint === undefined) return undefined;
    const isSpent = current.counter.isSpent ||
      now - current.createdAt >= this.#context.timers.rejectAfterTimeMs;
    return isSpent ? undefined : current;
  }

  #seal(now: Millis, keypair: Keypair, packet: Uint8Array): DropReason | undefined {
    const { endpoint } = this;
    if (endpoint === undefined) return this.#count("no-endpoint");
    const padded = this.#context.padder.pad(packet, this.pathMtuBytes);
    const counter = keypair.counter.claim(1);
    if (counter < 0) return this.#count("expired-session");
    const out = this.#claim(TRANSPORT_HEADER_BYTES + padded.length + TAG_BYTES, endpoint);
    if (out === undefined) return this.#count("transmit-queue-full");
    writeTransportHeader(out, keypair.remoteIndex, counter);
    keypair.sendKey.seal(counter, padded, NO_BYTES, out, TRANSPORT_HEADER_BYTES);
    if (packet.length > 0) this.#noteDataSent(now, keypair);
    else {
      this.noteSent(now);
      this.initiator.renewAfterSending(now, keypair);
    }
    return undefined;
  }

  #noteDataSent(now: Millis, keypair: Keypair): void {
    this.noteSent(now);
    if (!this.timers.isArmed(TIMER.NEW_HANDSHAKE)) {
      const { keepaliveTimeoutMs, rekeyTimeoutMs } = this.#context.timers;
      this.arm(TIMER.NEW_HANDSHAKE, now + keepaliveTimeoutMs + rekeyTimeoutMs + this.initiator.jitterMs);
    }
    this.initiator.renewAfterSending(now, keypair);
  }

  #claim(lengthBytes: number, destination: Endpoint): Uint8Array | undefined {
    const { transmits } = this.#context;
    if (transmits.isFull) return undefined;
    this.txBytes += lengthBytes;
    return transmits.claim(lengthBytes, destination);
  }

  #count(reason: DropReason): DropReason {
    this.#context.counters.count(reason);
    return reason;
  }

  #noteTraversal(now: Millis): void {
    if (this.persistentKeepaliveMs > 0) {
      this.arm(TIMER.PERSISTENT_KEEPALIVE, now + this.persistentKeepaliveMs);
    }
  }

  /** Lets a timer run out at `deadlineMs`. */
  arm(timer: Timer, deadlineMs: number): void {
    const deadline = millis(deadlineMs);
    this.timers.arm(timer, deadline);
    this.#context.noteDeadline(deadline);
  }
}

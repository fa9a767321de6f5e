/**
 * A sealing worker's side of shared sessions: looking up whose there is, and which way it goes.
 * @module
 */

import type { Aead, AeadKey } from "../../../crypto/mod.ts";
import { encodeSocketAddress, ReceivedEndpoint } from "../../../host/mod.ts";
import { Endpoint, IpAddress } from "../../../net/mod.ts";
import type { SealingSession } from "../session_sealer.ts";
import { HEAD, LINE, lineAt, peerAt, SESSION, sessionAt } from "./shared_memory.ts";
import { noteSent, SharedCounter } from "./shared_counter.ts";

/** Some tens of microseconds. */
const MAX_LOOKS = 1000;

/** A place for sessions, as one worker sees it. It keeps no copy of a key. */
export class SharedSession implements SealingSession {
  readonly counter: SharedCounter;
  /** The key where it lies: it is another one when the place is used again. */
  readonly sendKey: AeadKey;
  readonly #memory: SharedArrayBuffer;
  readonly #words: Int32Array;
  readonly #floats: Float64Array;
  readonly #at: number;
  #version = -1;
  #endpoint: Endpoint | undefined;
  #pathMtuBytes = Infinity;

  constructor(memory: SharedArrayBuffer, worker: number, session: number, aead: Aead) {
    const at = this.#at = sessionAt(session);
    this.#memory = memory;
    this.#words = new Int32Array(memory);
    this.#floats = new Float64Array(memory);
    this.counter = new SharedCounter(memory, worker, session);
    this.sendKey = aead.key(new Uint8Array(memory, (at + SESSION.KEY) * 4, 32), true);
  }

  get remoteIndex(): number {
    return (this.#words[this.#at + SESSION.REMOTE_INDEX] ?? 0) >>> 0;
  }

  /** When it began, in milliseconds. */
  get createdAt(): number {
    return this.#floats[(this.#at + SESSION.CREATED_AT) / 2] ?? 0;
  }

  /** Whose it is. */
  get slot(): number {
    return this.#floats[(this.#at + SESSION.SLOT) / 2] ?? 0;
  }

  /** Where it sends to. */
  get endpoint(): Endpoint | undefined {
    this.#readWay();
    return this.#endpoint;
  }

  /** The longest packet that its way takes; Infinity while that is no less than the MTU. */
  get pathMtuBytes(): number {
    this.#readWay();
    return this.#pathMtuBytes;
  }

  #readWay(): void {
    const words = this.#words;
    const at = this.#at;
    // The first worker writes a few words; it may lose its processor meanwhile, or die: what was read before holds then.
    for (let looks = 0; looks < MAX_LOOKS; looks++) {
      const version = Atomics.load(words, at + SESSION.VERSION);
      if (version === this.#version) return;
      if ((version & 1) !== 0) continue;
      const pathMtu = words[at + SESSION.PATH_MTU] ?? 0;
      const endpoint = this.#readEndpoint();
      if (Atomics.load(words, at + SESSION.VERSION) !== version) continue;
      this.#version = version;
      this.#endpoint = endpoint;
      this.#pathMtuBytes = pathMtu === 0 ? Infinity : pathMtu;
    }
  }

  #readEndpoint(): Endpoint | undefined {
    const words = this.#words;
    const at = this.#at;
    const family = words[at + SESSION.FAMILY] ?? 0;
    if (family === 0) return undefined;
    const address = IpAddress.fromBytes(this.#bytes(at + SESSION.ADDRESS, family === 4 ? 4 : 16));
    const port = words[at + SESSION.PORT] ?? 0;
    const endpoint = new Endpoint(address, port, { zone: words[at + SESSION.ZONE] ?? 0 });
    const localBytes = words[at + SESSION.LOCAL_BYTES] ?? 0;
    const socketAddress = localBytes > 0 && encodeSocketAddress(endpoint, localBytes === 16 ? 6 : 4);
    if (!socketAddress) return endpoint;
    const local = this.#bytes(at + SESSION.LOCAL, localBytes);
    const received = new ReceivedEndpoint(address, port, socketAddress, local);
    received.local = local;
    return received;
  }

  #bytes(at: number, lengthBytes: number): Uint8Array {
    return new Uint8Array(this.#memory, at * 4, lengthBytes).slice();
  }
}

/** All sessions, as one worker sees them. */
export class SharedSessions {
  readonly #memory: SharedArrayBuffer;
  readonly #words: Int32Array;
  readonly #worker: number;
  readonly #aead: Aead;
  readonly #sessions: (SharedSession | undefined)[] = [];

  /** @param memory of `sharedMemory` @param worker its number among the workers, from 1 */
  constructor(memory: SharedArrayBuffer, worker: number, aead: Aead) {
    this.#memory = memory;
    this.#words = new Int32Array(memory);
    this.#worker = worker;
    this.#aead = aead;
  }

  /** Whether packets need nothing but a session. */
  get isPlain(): boolean {
    return Atomics.load(this.#words, HEAD.IS_PLAIN) !== 0;
  }

  /** How many commands were given, modulo 2^32. */
  get given(): number {
    return Atomics.load(this.#words, HEAD.GIVEN);
  }

  /** Of how many the first worker has shown what they do. */
  get shown(): number {
    return Atomics.load(this.#words, HEAD.SHOWN);
  }

  /** How many packets were taken over from this worker, modulo 2^32. */
  get taken(): number {
    return Atomics.load(this.#words, lineAt(this.#worker) + LINE.TAKEN);
  }

  /** Before sessions are looked up: what was found before may not be used any more. */
  enter(): void {
    Atomics.store(this.#words, lineAt(this.#worker) + LINE.SEEN, Atomics.load(this.#words, HEAD.EPOCH));
  }

  /** Before a wait: none is used until `enter`. */
  leave(): void {
    Atomics.store(this.#words, lineAt(this.#worker) + LINE.SEEN, 0);
  }

  /** @returns the session of the peer at `slot`, if it has one; good until `leave` or the next `enter` */
  find(slot: number): SharedSession | undefined {
    const name = Atomics.load(this.#words, peerAt(slot));
    if (name === 0) return undefined;
    const session = this.#sessions[name - 1] ??= new SharedSession(
      this.#memory,
      this.#worker,
      name - 1,
      this.#aead,
    );
    // The slot may have been given to another peer, of which this worker has not been told yet.
    return session.slot === slot ? session : undefined;
  }

  /** Nothing of what was sealed waits any more. */
  noteSent(): void {
    noteSent(this.#words, this.#worker);
  }
}

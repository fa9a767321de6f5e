/**
 * A further worker's side of sessions that are received by: looking up which there are, and from where they come.
 * @module
 */

import type { Aead, AeadKey } from "../../../crypto/mod.ts";
import type { ReceivedEndpoint } from "../../../host/mod.ts";
import { ReplayWindow } from "../../../wireguard/mod.ts";
import type { OpeningKeypair } from "../gro_batches.ts";
import { SESSION, sessionAt, SET_WAYS, setAt, windowOf } from "./receiving_memory.ts";

const NO_ENDPOINT_BYTES = new Uint8Array(0);

/** A place for sessions, as one worker sees it. It keeps no copy of a key. */
export class ReceivedSession implements OpeningKeypair {
  readonly receiving: ReplayWindow;
  /** The key where it lies: it is another one when the place is used again. */
  readonly receiveKey: AeadKey;
  /** Which place it is. */
  readonly session: number;
  /** What was opened and is not told yet: bytes of datagrams, whose index, and whether there were packets. */
  readonly opened = { lengthBytes: 0, index: 0, hasPackets: false };
  readonly #words: Int32Array;
  readonly #floats: Float64Array;
  readonly #bytes: Uint8Array;
  readonly #at: number;
  #source: ReceivedEndpoint | undefined;
  #version = 0;

  constructor(memory: SharedArrayBuffer, session: number, aead: Aead) {
    const at = this.#at = sessionAt(session);
    this.session = session;
    this.#words = new Int32Array(memory);
    this.#floats = new Float64Array(memory);
    this.#bytes = new Uint8Array(memory);
    this.receiving = new ReplayWindow(windowOf(memory, session));
    this.receiveKey = aead.key(new Uint8Array(memory, (at + SESSION.KEY) * 4, 32), true);
  }

  /** Where it is looked up: a batch knows the session by its keypair, which it is itself. */
  get keypair(): this {
    return this;
  }

  /** The index at which the peer knows it. */
  get index(): number {
    return (this.#words[this.#at + SESSION.INDEX] ?? 0) >>> 0;
  }

  /** When it began, in milliseconds. */
  get createdAt(): number {
    return this.#floats[(this.#at + SESSION.CREATED_AT) / 2] ?? 0;
  }

  /** Whose it is. */
  get slot(): number {
    return this.#floats[(this.#at + SESSION.SLOT) / 2] ?? 0;
  }

  /** The longest packet that the way back takes; Infinity while that is no less than the MTU. */
  get pathMtuBytes(): number {
    const bytes = Atomics.load(this.#words, this.#at + SESSION.PATH_MTU);
    return bytes === 0 ? Infinity : bytes;
  }

  /** Whether the last datagrams that the first worker has opened came from there: then those that come now change nothing. */
  comesFrom(source: ReceivedEndpoint): boolean {
    const version = Atomics.load(this.#words, this.#at + SESSION.VERSION);
    if (source === this.#source && version === this.#version) return true;
    if ((version & 1) !== 0 || !this.#isAt(SESSION.SOURCE_BYTES, SESSION.SOURCE, source.socketAddress)) {
      return false;
    }
    if (!this.#isAt(SESSION.CALLED_BYTES, SESSION.CALLED, source.called ?? NO_ENDPOINT_BYTES)) return false;
    if (Atomics.load(this.#words, this.#at + SESSION.VERSION) !== version) return false;
    this.#source = source;
    this.#version = version;
    return true;
  }

  #isAt(length: number, start: number, bytes: Uint8Array): boolean {
    if (this.#words[this.#at + length] !== bytes.length) return false;
    const from = (this.#at + start) * 4;
    return bytes.every((byte, i) => this.#bytes[from + i] === byte);
  }
}

/** All sessions, as one worker sees them. */
export class ReceivedSessions {
  readonly #memory: SharedArrayBuffer;
  readonly #words: Int32Array;
  readonly #aead: Aead;
  readonly #sessions: (ReceivedSession | undefined)[] = [];

  /** @param memory of `receivingMemory` */
  constructor(memory: SharedArrayBuffer, aead: Aead) {
    this.#memory = memory;
    this.#words = new Int32Array(memory);
    this.#aead = aead;
  }

  /**
   * @param index the receiver's index of a transport message
   * @returns the session, or undefined when there is none, or it is the first worker's alone; good until `leave` or the
   * next `enter` of `SharedSessions`
   */
  find(index: number): ReceivedSession | undefined {
    const words = this.#words;
    const set = setAt(index);
    for (let at = set; at < set + SET_WAYS * 2; at += 2) {
      const name = Atomics.load(words, at + 1);
      if (name === 0 || words[at] !== (index | 0)) continue;
      const session = this.#sessions[name - 1] ??= new ReceivedSession(this.#memory, name - 1, this.#aead);
      // The pair may have been changed while it was read.
      if (session.index === index) return session;
    }
    return undefined;
  }
}

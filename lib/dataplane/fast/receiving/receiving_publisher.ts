/**
 * The first worker's side of sessions that are received by: it says which there are, and from where they come, and forgets
 * them when nobody uses them any more, by the epochs of those that are sent by.
 *
 * A session is shared from when it is confirmed until the device discards it, with its replay window, which lies there
 * from then on. What an unconfirmed one brings confirms it, so that the first worker opens it.
 * @module
 */

import { CounterKey } from "../../../crypto/mod.ts";
import { ReceivedEndpoint } from "../../../host/mod.ts";
import type { Endpoint } from "../../../net/mod.ts";
import type { BatchSession } from "../../../wireguard/mod.ts";
import { SESSION, sessionAt, SESSIONS, SET_WAYS, setAt, windowOf } from "./receiving_memory.ts";

type Peer = BatchSession["peer"];
type Keypair = BatchSession["keypair"];

/** When nobody uses any more what was taken back. */
export interface ReceivingEpochs {
  /** Something was taken back. @returns the epoch from which on nobody finds it */
  advance(): number;
  /** Whether every other worker has seen `epoch`, or looks at nothing. */
  isSeen(epoch: number): boolean;
}

/** A session that others open with. */
interface Shown {
  readonly peer: Peer;
  readonly keypair: Keypair;
  readonly session: number;
  /** Where its index is told, in words. */
  readonly entry: number;
  source: Endpoint | undefined;
}

/** One that nobody gets any more, and the epoch that says so. */
interface Retired {
  readonly session: number;
  readonly epoch: number;
}

/** Belongs to the thread of the device. */
export class ReceivingPublisher {
  readonly #memory: SharedArrayBuffer;
  readonly #words: Int32Array;
  readonly #floats: Float64Array;
  readonly #epochs: ReceivingEpochs;
  readonly #slotOf: (peer: Peer) => number | undefined;
  readonly #byKeypair = new Map<Keypair, Shown>();
  readonly #byPeer = new Map<Peer, Shown[]>();
  readonly #bySession: (Shown | undefined)[] = [];
  readonly #retired: Retired[] = [];
  readonly #free: number[] = [];
  #used = 0;

  /**
   * @param memory of `receivingMemory`
   * @param slotOf says by which slot others know a peer; undefined when the peer is gone
   */
  constructor(
    memory: SharedArrayBuffer,
    epochs: ReceivingEpochs,
    slotOf: (peer: Peer) => number | undefined,
  ) {
    this.#memory = memory;
    this.#words = new Int32Array(memory);
    this.#floats = new Float64Array(memory);
    this.#epochs = epochs;
    this.#slotOf = slotOf;
  }

  /** Whether `publish` wants to be called again, though nothing has changed. */
  get isWaiting(): boolean {
    return this.#retired.length > 0;
  }

  /** @returns whose session is shared at a place, if one's that the peer knows at `index` */
  sessionAt(session: number, index: number): BatchSession | undefined {
    const shown = this.#bySession[session];
    return shown?.keypair.localIndex === index ? shown : undefined;
  }

  /** Shows what is another one of these peers now, and wipes what nobody uses. */
  publish(changed: Iterable<Peer>): void {
    for (const peer of changed) this.#show(peer);
    this.#wipeUnused();
  }

  /** Shows that the first worker has opened what came from `source`. */
  noteSource(keypair: Keypair, source: Endpoint): void {
    const shown = this.#byKeypair.get(keypair);
    if (shown !== undefined && shown.source !== source) this.#writeSource(shown, source);
  }

  #show(peer: Peer): void {
    const slot = this.#slotOf(peer);
    const { current, previous } = peer.keypairs;
    const kept: Shown[] = [];
    for (const shown of this.#byPeer.get(peer) ?? []) {
      const isUsed = shown.keypair === current || shown.keypair === previous;
      if (slot === undefined || !isUsed || this.#slot(shown) !== slot) this.#retire(shown);
      else {
        kept.push(shown);
        this.#writeMtu(shown);
        // What decides where packets go may be another thing now, so that the first worker is to see where they come from.
        this.#writeSource(shown, undefined);
      }
    }
    for (const keypair of slot === undefined ? [] : [previous, current]) {
      if (keypair === undefined || this.#byKeypair.has(keypair)) continue;
      const shown = this.#share(peer, slot ?? 0, keypair);
      if (shown !== undefined) kept.push(shown);
    }
    if (kept.length > 0) this.#byPeer.set(peer, kept);
    else this.#byPeer.delete(peer);
  }

  #share(peer: Peer, slot: number, keypair: Keypair): Shown | undefined {
    const { receiveKey, localIndex, createdAt } = keypair;
    // A key of another kind can't be shared.
    if (!(receiveKey instanceof CounterKey)) return undefined;
    const entry = this.#freeEntry(localIndex);
    if (entry === undefined) return undefined;
    const session = this.#free.pop() ?? (this.#used < SESSIONS ? this.#used++ : undefined);
    if (session === undefined) return undefined;
    const at = sessionAt(session);
    if (!receiveKey.copyTo(new Uint8Array(this.#memory, (at + SESSION.KEY) * 4, 32), 0)) {
      return void this.#free.push(session);
    }
    const words = this.#words;
    words[at + SESSION.INDEX] = localIndex;
    this.#floats[(at + SESSION.SLOT) / 2] = slot;
    this.#floats[(at + SESSION.CREATED_AT) / 2] = createdAt;
    keypair.receiving.moveTo(windowOf(this.#memory, session));
    const shown: Shown = { peer, keypair, session, entry, source: undefined };
    this.#writeMtu(shown);
    this.#writeSource(shown, undefined);
    this.#byKeypair.set(keypair, shown);
    this.#bySession[session] = shown;
    words[entry] = localIndex;
    Atomics.store(words, entry + 1, session + 1);
    return shown;
  }

  #retire(shown: Shown): void {
    Atomics.store(this.#words, shown.entry + 1, 0);
    this.#byKeypair.delete(shown.keypair);
    this.#bySession[shown.session] = undefined;
    this.#retired.push({ session: shown.session, epoch: this.#epochs.advance() });
  }

  #slot({ session }: Shown): number | undefined {
    return this.#floats[(sessionAt(session) + SESSION.SLOT) / 2];
  }

  /** @returns where a pair is that is not used; the set may be full */
  #freeEntry(index: number): number | undefined {
    const set = setAt(index);
    for (let at = set; at < set + SET_WAYS * 2; at += 2) if (this.#words[at + 1] === 0) return at;
    return undefined;
  }

  #writeMtu({ session, peer: { pathMtuBytes } }: Shown): void {
    const word = sessionAt(session) + SESSION.PATH_MTU;
    Atomics.store(this.#words, word, pathMtuBytes === Infinity ? 0 : pathMtuBytes);
  }

  #writeSource(shown: Shown, source: Endpoint | undefined): void {
    const words = this.#words;
    const at = sessionAt(shown.session);
    shown.source = source;
    const received = source instanceof ReceivedEndpoint ? source : undefined;
    Atomics.add(words, at + SESSION.VERSION, 1);
    this.#writeBytes(at + SESSION.SOURCE_BYTES, at + SESSION.SOURCE, received?.socketAddress);
    this.#writeBytes(at + SESSION.CALLED_BYTES, at + SESSION.CALLED, received?.called);
    Atomics.add(words, at + SESSION.VERSION, 1);
  }

  #writeBytes(length: number, at: number, bytes: Uint8Array = new Uint8Array(0)): void {
    this.#words[length] = bytes.length;
    new Uint8Array(this.#memory, at * 4, bytes.length).set(bytes);
  }

  #wipeUnused(): void {
    for (let first = this.#retired[0]; first !== undefined; first = this.#retired[0]) {
      if (!this.#epochs.isSeen(first.epoch)) return;
      const key = sessionAt(first.session) + SESSION.KEY;
      this.#words.fill(0, key, key + 8);
      this.#free.push(first.session);
      this.#retired.shift();
    }
  }
}

/**
 * The first worker's side of shared sessions: it says which there are, and forgets them when nobody uses them any more.
 *
 * ```
 *   a session is in use ──▶ written, then told at its peer ──▶ workers claim numbers and seal
 *   it is replaced, or its peer goes:
 *     1. its counter is spent: nobody gets another number
 *     2. its peer tells the next one, or none
 *     3. the epoch is counted up
 *     4. every worker has seen that epoch, or looks at nothing ──▶ the key is wiped, the place is free
 * ```
 *
 * A worker says which epoch it has seen before it looks anything up, and holds nothing from before beyond that.
 * @module
 */

import { CounterKey } from "../../../crypto/mod.ts";
import { type Millis, millis } from "../../../base/mod.ts";
import { ReceivedEndpoint } from "../../../host/mod.ts";
import type { Endpoint } from "../../../net/mod.ts";
import {
  type BatchSession,
  type BatchSessions,
  LocalCounter,
  SPENT_COUNTER,
} from "../../../wireguard/mod.ts";
import type { Epochs } from "./epochs.ts";
import { HEAD, peerAt, SESSION, sessionAt, SESSIONS } from "./shared_memory.ts";
import { OLD, SharedCounter, SPENT } from "./shared_counter.ts";

type Peer = BatchSession["peer"];
type Keypair = BatchSession["keypair"];

/** Looks again so often whether keys can be wiped, while some wait for that. */
export const WIPE_LOOK_MS = 5;

/** A session that others seal with. */
interface Shown {
  readonly slot: number;
  readonly keypair: Keypair;
  readonly session: number;
  endpoint: Endpoint | undefined;
  pathMtuBytes: number;
}

/** One that nobody gets any more, and the epoch that says so. */
interface Retired {
  readonly session: number;
  readonly epoch: number;
}

/** Belongs to the thread of the device. */
export class SessionPublisher {
  readonly #memory: SharedArrayBuffer;
  readonly #words: Int32Array;
  readonly #floats: Float64Array;
  readonly #epochs: Epochs;
  readonly #changed: Set<Peer>;
  readonly #slotOf: (peer: Peer) => number | undefined;
  readonly #shown = new Map<Peer, Shown>();
  readonly #bySlot = new Map<number, Peer>();
  readonly #retired: Retired[] = [];
  readonly #free: number[] = [];
  #used = 0;

  /**
   * @param memory of `sharedMemory`
   * @param slotOf says where a peer's session is told; undefined when the peer is gone
   */
  constructor(
    memory: SharedArrayBuffer,
    epochs: Epochs,
    batches: BatchSessions,
    slotOf: (peer: Peer) => number | undefined,
  ) {
    this.#memory = memory;
    this.#epochs = epochs;
    this.#words = new Int32Array(memory);
    this.#floats = new Float64Array(memory);
    this.#changed = batches.watch();
    this.#slotOf = slotOf;
  }

  /** @returns whose session is told at `slot`, if one's */
  peerAt(slot: number): Peer | undefined {
    return this.#bySlot.get(slot);
  }

  /** Says whether packets need nothing but a session; else the first worker sees each. */
  setPlain(isPlain: boolean): void {
    Atomics.store(this.#words, HEAD.IS_PLAIN, isPlain ? 1 : 0);
  }

  /** Shows what has changed, once all that was sealed before is sent; wipes what nobody uses. */
  publish(): void {
    if (this.#changed.size > 0) {
      for (const peer of this.#changed) this.#show(peer);
      this.#changed.clear();
    }
    if (this.#retired.length > 0) this.#wipeUnused();
  }

  /** Shows where sessions that are told send to now; before the host gets what has changed that, and answers. */
  showWays(): void {
    if (this.#changed.size === 0) return;
    for (const peer of this.#changed) {
      const shown = this.#shown.get(peer);
      if (shown !== undefined && shown.keypair === peer.keypairs.current) this.#followWay(shown, peer);
    }
  }

  /** @returns when `publish` wants to be called again, though nothing has changed */
  pollTimeout(now: Millis): Millis | undefined {
    return this.#retired.length === 0 ? undefined : millis(now + WIPE_LOOK_MS);
  }

  #show(peer: Peer): void {
    const slot = this.#slotOf(peer);
    const { current } = peer.keypairs;
    const keypair = slot === undefined ? undefined : current;
    let shown = this.#shown.get(peer);
    if (shown !== undefined && (shown.keypair !== keypair || shown.slot !== slot)) {
      this.#retire(peer, shown);
      shown = undefined;
    }
    if (keypair === undefined || slot === undefined) return;
    if (shown === undefined) this.#share(peer, slot, keypair);
    else this.#followWay(shown, peer);
  }

  #followWay(shown: Shown, peer: Peer): void {
    if (shown.endpoint === peer.endpoint && shown.pathMtuBytes === peer.pathMtuBytes) return;
    this.#writeWay(shown, peer);
  }

  #share(peer: Peer, slot: number, keypair: Keypair): void {
    const { sendKey, counter, remoteIndex, createdAt } = keypair;
    // One that was shared before goes no further; a key of another kind can't be.
    if (!(counter instanceof LocalCounter) || counter.next > OLD) return;
    if (!(sendKey instanceof CounterKey)) return;
    const session = this.#free.pop() ?? (this.#used < SESSIONS ? this.#used++ : undefined);
    if (session === undefined) return;
    const at = sessionAt(session);
    const key = new Uint8Array(this.#memory, (at + SESSION.KEY) * 4, 32);
    if (!sendKey.copyTo(key, 0)) return void this.#free.push(session);
    const words = this.#words;
    words[at + SESSION.REMOTE_INDEX] = remoteIndex;
    this.#floats[(at + SESSION.CREATED_AT) / 2] = createdAt;
    this.#floats[(at + SESSION.SLOT) / 2] = slot;
    const shown: Shown = { slot, keypair, session, endpoint: undefined, pathMtuBytes: Infinity };
    this.#writeWay(shown, peer);
    Atomics.store(words, at + SESSION.COUNTER, counter.next);
    keypair.counter = new SharedCounter(this.#memory, 0, session);
    this.#shown.set(peer, shown);
    this.#bySlot.set(slot, peer);
    Atomics.store(words, peerAt(slot), session + 1);
  }

  #retire(peer: Peer, { slot, session, keypair }: Shown): void {
    keypair.counter = SPENT_COUNTER;
    Atomics.store(this.#words, sessionAt(session) + SESSION.COUNTER, SPENT);
    Atomics.store(this.#words, peerAt(slot), 0);
    this.#retired.push({ session, epoch: this.#epochs.advance() });
    this.#shown.delete(peer);
    this.#bySlot.delete(slot);
  }

  #writeWay(shown: Shown, { endpoint, pathMtuBytes }: Peer): void {
    const words = this.#words;
    const at = sessionAt(shown.session);
    shown.endpoint = endpoint;
    shown.pathMtuBytes = pathMtuBytes;
    Atomics.add(words, at + SESSION.VERSION, 1);
    words[at + SESSION.PATH_MTU] = pathMtuBytes === Infinity ? 0 : pathMtuBytes;
    words[at + SESSION.FAMILY] = endpoint?.address.family ?? 0;
    words[at + SESSION.PORT] = endpoint?.port ?? 0;
    words[at + SESSION.ZONE] = endpoint?.zone ?? 0;
    this.#writeBytes(at + SESSION.ADDRESS, endpoint?.address.bytes);
    const local = endpoint instanceof ReceivedEndpoint ? endpoint.local : undefined;
    words[at + SESSION.LOCAL_BYTES] = local?.length ?? 0;
    this.#writeBytes(at + SESSION.LOCAL, local);
    Atomics.add(words, at + SESSION.VERSION, 1);
  }

  #writeBytes(at: number, bytes: Uint8Array | undefined): void {
    new Uint8Array(this.#memory, at * 4, 16).set(bytes ?? []);
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

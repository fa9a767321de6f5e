/**
 * Two devices in memory, of which the first one shares its sessions.
 * @module
 */

import assert from "node:assert/strict";
import { type Millis, millis, SeededRandom, unixMillis } from "../../../../base/mod.ts";
import { nobleAead, PrivateKey } from "../../../../crypto/mod.ts";
import { Cidr, Endpoint } from "../../../../net/mod.ts";
import { type BatchSession, Device } from "../../../../wireguard/mod.ts";
import { Epochs } from "../epochs.ts";
import { SessionPublisher } from "../session_publisher.ts";
import { peerAt, SESSION, sessionAt, sharedMemory } from "../shared_memory.ts";

/** Of the second device. */
export const SLOT = 3;
/** A handshake is begun at most so often (WireGuard paper §6.1), and a peer counts as attacked when more come. */
const STEP_MS = 6_000;

/** Two devices; the first one's sessions are shared. */
export class SharingPair {
  readonly memory: SharedArrayBuffer;
  readonly words: Int32Array;
  readonly here: Device;
  readonly there: Device;
  readonly publisher: SessionPublisher;
  readonly epochs: Epochs;
  /** Hears of changes before `publisher` does. */
  onChanged: (changed: ReadonlySet<BatchSession["peer"]>) => void = () => {};
  now: Millis = millis(1000);
  /** Whether the second device's slot is another's now. */
  isGone = false;
  readonly #endpoint = Endpoint.parse("192.0.2.2:51820") ?? assert.fail();

  constructor(workers: number, seed = 1) {
    const random = new SeededRandom(seed);
    const [mine, theirs] = [PrivateKey.generate(random), PrivateKey.generate(random)];
    const wall = () => unixMillis(1_700_000_000_000 + this.now);
    this.memory = sharedMemory(workers);
    this.words = new Int32Array(this.memory);
    this.here = new Device({ privateKey: mine, random, wall, aead: nobleAead });
    this.there = new Device({ privateKey: theirs, random, wall, aead: nobleAead });
    this.epochs = new Epochs(this.memory);
    this.publisher = new SessionPublisher(
      this.memory,
      this.epochs,
      this.here.batches,
      () => this.isGone ? undefined : SLOT,
    );
    const allowedIps = [Cidr.parse("10.0.0.0/8") ?? assert.fail()];
    const endpoint = this.#endpoint;
    this.here.setPeer(this.now, { publicKey: theirs.publicKey, endpoint, allowedIps });
    this.there.setPeer(this.now, { publicKey: mine.publicKey, endpoint, allowedIps });
  }

  /** Whose sessions are shared. */
  get peer(): BatchSession["peer"] {
    return this.here.batches.peerAt(Uint8Array.of(10, 0, 0, 1)) ?? assert.fail();
  }

  /** Makes the next session, which the first one begins. */
  renew(): void {
    this.now = millis(this.now + STEP_MS);
    this.here.initiateHandshake(this.now, this.there.publicKey);
    for (let rounds = 0; rounds < 3; rounds++) {
      for (const [from, to] of [[this.here, this.there], [this.there, this.here]] as const) {
        for (let out = from.pollTransmit(); out !== undefined; out = from.pollTransmit()) {
          to.handleDatagram(this.now, out.datagram.slice(), this.#endpoint);
        }
      }
    }
    this.publish();
  }

  /** Shows what has changed. */
  publish(): void {
    this.onChanged(this.here.batches.watch());
    this.publisher.publish();
  }

  /** @returns the beginning of the key that a session has, 0 when there is none */
  keyWord(session: number): number {
    return new DataView(this.memory).getUint32((sessionAt(session) + SESSION.KEY) * 4);
  }

  /** Which session is told, from 0; -1 for none. */
  get told(): number {
    return (this.words[peerAt(SLOT)] ?? 0) - 1;
  }
}

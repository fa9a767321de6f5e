/**
 * What the first worker does for the others: it shares its sessions with them, and takes what they can't seal or open.
 * @module
 */

import { type Millis, millis } from "../../../base/mod.ts";
import type { Endpoint } from "../../../net/mod.ts";
import type { BatchSession, BatchSessions } from "../../../wireguard/mod.ts";
import type { CoordinatedEngine, WorkerCoordinator } from "../engine_parts.ts";
import type { ReceiveTurn } from "../gro_batches.ts";
import { ReceivingCoordinator } from "../receiving/mod.ts";
import { Epochs } from "./epochs.ts";
import { HandoverReader, type HandoverTaker } from "./handover.ts";
import { SessionPublisher, WIPE_LOOK_MS } from "./session_publisher.ts";
import { noteSent } from "./shared_counter.ts";
import { HEAD, LINE, lineAt } from "./shared_memory.ts";

type Peer = BatchSession["peer"];

/** A turn takes about so much of each worker. */
const BUDGET_BYTES = 128 * 1024;
/** The number of the first worker. */
const FIRST = 0;

/** What the first worker is to share, and with whom. */
export interface CoordinatorParts {
  /** Of `sharedMemory`. */
  readonly memory: SharedArrayBuffer;
  /** Of each other worker, in their order. */
  readonly handovers: readonly SharedArrayBuffer[];
  /** What is shared to receive: of `receivingMemory`, and of each other worker. */
  readonly receiving: {
    readonly memory: SharedArrayBuffer;
    readonly handovers: readonly SharedArrayBuffer[];
  };
  readonly batches: BatchSessions;
  /** Says at which slot others look for a peer's session; undefined when the peer is gone. */
  slotOf(peer: Peer): number | undefined;
  /** Hears when packets need more than a session, or no longer do. */
  onPlain(isPlain: boolean): void;
}

/** Belongs to the thread of the device. */
export class SealingCoordinator implements WorkerCoordinator, HandoverTaker {
  readonly #parts: CoordinatorParts;
  readonly #words: Int32Array;
  readonly #publisher: SessionPublisher;
  readonly #readers: readonly HandoverReader[];
  readonly #receiving: ReceivingCoordinator;
  readonly #changed: Set<Peer>;
  #engine: CoordinatedEngine | undefined;
  #isPlain = false;
  #obeyed = 0;
  #now = 0 as Millis;

  constructor(parts: CoordinatorParts) {
    this.#parts = parts;
    this.#words = new Int32Array(parts.memory);
    const epochs = new Epochs(parts.memory);
    this.#changed = parts.batches.watch();
    this.#publisher = new SessionPublisher(parts.memory, epochs, parts.batches, parts.slotOf);
    this.#receiving = new ReceivingCoordinator({ ...parts, ...parts.receiving, epochs });
    this.#readers = parts.handovers.map((memory) => new HandoverReader(memory));
  }

  connect(engine: CoordinatedEngine): void {
    this.#engine = engine;
    this.#receiving.connect(engine);
  }

  get turn(): ReceiveTurn {
    return this.#receiving.turn;
  }

  receive(call: () => number): number {
    return this.#receiving.turn.receive(call);
  }

  askForHelp(): void {
    this.#receiving.askForHelp();
  }

  noteSource(session: BatchSession, source: Endpoint): void {
    this.#receiving.noteSource(session, source);
  }

  /** The first worker has ended: nobody waits for it. */
  close(): void {
    this.#receiving.close();
  }

  noteSent(): void {
    noteSent(this.#words, FIRST);
  }

  setPlain(isPlain: boolean, receivesPlain: boolean): void {
    this.#receiving.setPlain(receivesPlain);
    if (isPlain === this.#isPlain) return;
    this.#isPlain = isPlain;
    this.#publisher.setPlain(isPlain);
    this.#parts.onPlain(isPlain);
  }

  takeHanded(now: Millis): boolean {
    this.#now = now;
    let packets = 0;
    for (const [i, reader] of this.#readers.entries()) {
      const taken = reader.take(BUDGET_BYTES, this);
      if (taken === 0) continue;
      packets += taken;
      this.#engine?.flush();
      // Said when they are sent, or kept: those that come behind them may overtake them now.
      Atomics.add(this.#words, lineAt(i + 1) + LINE.TAKEN, taken);
    }
    return this.#receiving.takeHanded(now) || packets > 0;
  }

  takePacket(packet: Uint8Array): void {
    this.#engine?.take(this.#now, packet);
  }

  noteSealed(slot: number, lengthBytes: number): void {
    const peer = this.#publisher.peerAt(slot);
    if (peer === undefined) return;
    peer.noteSealedElsewhere(this.#now, lengthBytes);
    this.#engine?.onCarried(peer);
  }

  /** A command was obeyed that others have to go by. */
  noteObeyed(): void {
    this.#obeyed = (this.#obeyed + 1) | 0;
  }

  showWays(): void {
    this.#publisher.showWays();
  }

  publish(): void {
    this.#receiving.publish(this.#changed);
    this.#publisher.publish();
    Atomics.store(this.#words, HEAD.SHOWN, this.#obeyed);
  }

  pollTimeout(now: Millis): Millis | undefined {
    return this.#receiving.isWaiting ? millis(now + WIPE_LOOK_MS) : this.#publisher.pollTimeout(now);
  }
}

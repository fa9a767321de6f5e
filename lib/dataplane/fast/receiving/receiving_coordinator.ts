/**
 * What the first worker does for others that receive: it shares sessions with them, asks them for help, takes what they
 * do not open in its turn, and goes on for those that are gone.
 * @module
 */

import type { Millis } from "../../../base/mod.ts";
import type { Endpoint } from "../../../net/mod.ts";
import type { BatchSession } from "../../../wireguard/mod.ts";
import type { ReceiveTurn } from "../gro_batches.ts";
import {
  type OpenedNote,
  ReceiveHandoverReader,
  type ReceiveHandoverTaker,
  type TakenBatch,
} from "./receive_handover.ts";
import { closeReceiving, isGone, pass, passGone, passGoneWrite, ReceiveTickets } from "./receive_tickets.ts";
import { HEAD, LINE, lineAt } from "./receiving_memory.ts";
import { type ReceivingEpochs, ReceivingPublisher } from "./receiving_publisher.ts";

type Peer = BatchSession["peer"];

const FIRST = 0;
const LOOK_MS = 1;

/** An engine for which other workers receive. */
export interface ReceivingEngine {
  /** Sees each peer for which something was sealed or opened. */
  onCarried(peer: Peer): void;
  /** Takes what another worker has received and does not open, in the turn of that. */
  takeReceived(now: Millis, batch: TakenBatch, turn: ReceiveTurn): void;
  /** Takes a datagram that carries no packet, which another worker has received. */
  takeControl(now: Millis, batch: TakenBatch): void;
  /** Wakes another worker by its descriptor. */
  wake(fd: number): void;
}

/** What the first worker shares to receive, and with whom. */
export interface ReceivingCoordinatorParts {
  /** Of `receivingMemory`. */
  readonly memory: SharedArrayBuffer;
  /** Of each other worker, in their order; of `receiveHandoverMemory`. */
  readonly handovers: readonly SharedArrayBuffer[];
  readonly epochs: ReceivingEpochs;
  slotOf(peer: Peer): number | undefined;
}

/** What there was to take. */
type Served = "nothing" | "something" | "too-early";

/** Belongs to the thread of the device. */
export class ReceivingCoordinator implements ReceiveHandoverTaker {
  /** Of what the first worker has received itself. */
  readonly turn: ReceiveTickets;
  readonly #parts: ReceivingCoordinatorParts;
  readonly #words: Int32Array;
  readonly #publisher: ReceivingPublisher;
  readonly #readers: readonly ReceiveHandoverReader[];
  #engine: ReceivingEngine | undefined;
  #now = 0 as Millis;

  constructor(parts: ReceivingCoordinatorParts) {
    const { memory, handovers, epochs, slotOf } = parts;
    this.#parts = parts;
    this.#words = new Int32Array(memory);
    this.#publisher = new ReceivingPublisher(memory, epochs, slotOf);
    this.#readers = handovers.map((handover) => new ReceiveHandoverReader(handover));
    this.turn = new ReceiveTickets(memory, FIRST, {
      toAccept: () => void this.#serve(),
      toWrite: () => this.#passGoneWrites(),
    });
  }

  /** Whether `publish` wants to be called again, though nothing has changed. */
  get isWaiting(): boolean {
    return this.#publisher.isWaiting;
  }

  /** Says who takes what is handed over. */
  connect(engine: ReceivingEngine): void {
    this.#engine = engine;
  }

  /** Says whether packets that are received need nothing but a session; else every one is handed over. */
  setPlain(isPlain: boolean): void {
    Atomics.store(this.#words, HEAD.IS_PLAIN, isPlain ? 1 : 0);
  }

  /** Has a worker receive that does not yet, if there is one. */
  askForHelp(): void {
    const words = this.#words;
    if (words[HEAD.IS_PLAIN] === 0) return;
    for (let worker = 1; worker <= this.#readers.length; worker++) {
      const line = lineAt(worker);
      const fd = Atomics.load(words, line + LINE.WAKE);
      if (fd === 0 || isGone(words, worker) || Atomics.exchange(words, line + LINE.ASKED, 1) !== 0) continue;
      return this.#engine?.wake(fd);
    }
  }

  /** Takes what others have handed over. @returns whether there was something */
  takeHanded(now: Millis): boolean {
    this.#now = now;
    let hasTaken = false;
    for (
      let turn = Atomics.load(this.#words, HEAD.ACCEPTS);;
      turn = Atomics.load(this.#words, HEAD.ACCEPTS)
    ) {
      const found = this.#serve();
      if (found === "nothing") return hasTaken;
      hasTaken = true;
      // Those whose turn comes before are about to give it away.
      if (found === "too-early") Atomics.wait(this.#words, HEAD.ACCEPTS, turn, LOOK_MS);
    }
  }

  noteSource({ keypair }: BatchSession, source: Endpoint): void {
    this.#publisher.noteSource(keypair, source);
  }

  /** Shows what is another one of these peers now. */
  publish(changed: Iterable<Peer>): void {
    this.#publisher.publish(changed);
  }

  /** Nobody waits for the first worker any more. */
  close(): void {
    closeReceiving(this.#parts.memory);
  }

  takeControl(batch: TakenBatch): void {
    this.#engine?.takeControl(this.#now, batch);
  }

  noteOpened({ session, index, lengthBytes, hasPackets }: OpenedNote): void {
    const opened = this.#publisher.sessionAt(session, index);
    if (opened === undefined) return;
    opened.peer.noteOpenedElsewhere(this.#now, opened.keypair, lengthBytes, hasPackets);
    this.#engine?.onCarried(opened.peer);
  }

  /** Takes batches whose turn it is, and goes on for workers that are gone. */
  #serve(): Served {
    let found: Served = "nothing";
    for (const [i, reader] of this.#readers.entries()) {
      // Asked first: what it has handed over before is seen then.
      const isOver = isGone(this.#words, i + 1);
      const batch = reader.peek(this);
      if (batch === undefined) {
        if (isOver && !passGone(this.#words, i + 1)) found = "too-early";
      } else if (batch.ticket === Atomics.load(this.#words, HEAD.ACCEPTS)) {
        reader.next();
        this.#engine?.takeReceived(this.#now, batch, this.#turnOf(batch));
        return "something";
      } else found = "too-early";
    }
    return found;
  }

  /** It is this batch's turn; more batches may come with its ticket. */
  #turnOf({ ticket, isLast }: TakenBatch): ReceiveTurn {
    const words = this.#words;
    return {
      waitToAccept: () => true,
      passAccept: () => {
        if (isLast) pass(words, HEAD.ACCEPTS, ticket);
      },
      waitToWrite: () => {
        for (let turn = Atomics.load(words, HEAD.WRITES); turn !== ticket;) {
          this.#passGoneWrites();
          Atomics.wait(words, HEAD.WRITES, turn, LOOK_MS);
          turn = Atomics.load(words, HEAD.WRITES);
        }
        return true;
      },
      passWrite: () => {
        if (isLast) pass(words, HEAD.WRITES, ticket);
      },
    };
  }

  #passGoneWrites(): void {
    for (let worker = 1; worker <= this.#readers.length; worker++) {
      if (isGone(this.#words, worker)) passGoneWrite(this.#words, worker);
    }
  }
}

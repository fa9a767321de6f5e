/**
 * The loop of a relay: it blocks until a leg has something, judges what came, and sends it on by the other leg, a GRO batch
 * as one GSO batch.
 * @module
 */

import type { RandomSource } from "../../../base/mod.ts";
import { polledEvents, POLLFD_BYTES, type RawCalls, writePollfd } from "../../../host/mod.ts";
import {
  BIND_BYTES,
  type ForwarderDrop,
  type LegKey,
  type RelayRates,
  RelaySwitch,
  type SwitchLeg,
  type SwitchSession,
} from "../../../relay/mod.ts";
import {
  GroReceiver,
  GsoSender,
  type GsoSenderParts,
  RECEIVE_ROOM_BYTES,
  RECEIVER_AREA_BYTES,
  SENDER_AREA_BYTES,
} from "../udp/mod.ts";
import { MAX_READY } from "../engine_memory.ts";
import { ReadySet } from "../frames/mod.ts";

/** So many sessions one engine has at most. */
export const MAX_SESSIONS = 1024;
/** So often a leg is received from before the others have their turn. */
const MAX_ROUNDS = 8;

// What stands where in the memory, each on a line of the cache of its own.
const POLL_AT = 0;
const WAKE_AT = 64;
const ANSWER_AT = 128;
const READY_AT = 192;
const RECEIVER_AT: number = aligned(READY_AT + (MAX_READY + 1) * 16);
const SENDERS_AT: number = aligned(RECEIVER_AT + RECEIVER_AREA_BYTES);
const SENDER_PLACE_BYTES: number = aligned(SENDER_AREA_BYTES);
const RECEIVE_AT: number = aligned(SENDERS_AT + 2 * MAX_SESSIONS * SENDER_PLACE_BYTES);
/** How much memory an engine takes; of a session that was never opened, none. */
export const RELAY_ENGINE_BYTES: number = RECEIVE_AT + RECEIVE_ROOM_BYTES;

function aligned(at: number): number {
  return Math.ceil(at / 64) * 64;
}

/** The socket of a leg. */
export type LegSocket = Pick<GsoSenderParts, "fd" | "family" | "hasGso">;

/** Descriptors, memory and callbacks of one engine; it closes no descriptor but its own. */
export interface RelayEngineParts {
  readonly io: RawCalls;
  /** At least `RELAY_ENGINE_BYTES`; it never moves. */
  readonly memory: WebAssembly.Memory;
  /** The memory's address in this process. */
  readonly base: number;
  /** An eventfd that is written to when there is something to obey. */
  readonly wakeFd: number;
  readonly rates: RelayRates;
  /** Monotonic, in milliseconds. */
  readonly now: () => number;
  readonly random: RandomSource;
  /** @returns false to stop */
  readonly onWake: () => boolean;
  /** After datagrams came to a leg of the session at `slot`. */
  readonly onTurn: (slot: number, session: SwitchSession<EnginePort>) => void;
  readonly onDrop: (reason: ForwarderDrop, datagrams: number) => void;
}

/** What the engine knows of a leg beside the switch. */
export interface EnginePort {
  readonly fd: number;
  readonly slot: number;
  readonly sender: GsoSender;
}

/** One worker's work. */
export class RelayEngine {
  readonly switch: RelaySwitch<EnginePort>;
  readonly #parts: RelayEngineParts;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #receiver: GroReceiver;
  readonly #ready: ReadySet;
  /** Two of each session, the first of slot n at 2n. */
  readonly #legs: (SwitchLeg<EnginePort> | undefined)[] = new Array(2 * MAX_SESSIONS).fill(undefined);

  constructor(parts: RelayEngineParts) {
    const { io, memory, base, rates, random, wakeFd } = parts;
    this.#parts = parts;
    this.#bytes = new Uint8Array(memory.buffer);
    this.#view = new DataView(memory.buffer);
    this.#receiver = new GroReceiver({ io, memory, base, area: RECEIVER_AT, fd: -1, receiveAt: RECEIVE_AT });
    this.#ready = new ReadySet({ io, memory, base, readyAt: READY_AT });
    this.switch = new RelaySwitch(rates, random);
    writePollfd(this.#view, POLL_AT, wakeFd);
  }

  /**
   * Adds a session.
   * @param slot below `MAX_SESSIONS`, and free
   * @returns false when the kernel has no room for its descriptors
   */
  open(slot: number, keys: readonly [LegKey, LegKey], sockets: readonly [LegSocket, LegSocket]): boolean {
    const port = (which: 0 | 1): EnginePort => ({
      fd: sockets[which].fd,
      slot,
      sender: this.#sender(2 * slot + which, sockets[which]),
    });
    const session = this.switch.open([[keys[0], port(0)], [keys[1], port(1)]]);
    this.#legs[2 * slot] = session.a;
    this.#legs[2 * slot + 1] = session.b;
    return sockets.every(({ fd }, which) => this.#ready.add(fd, 2 * slot + which));
  }

  /** Takes a session away; its descriptors are of no use here any more. */
  close(slot: number): void {
    for (const index of [2 * slot, 2 * slot + 1]) {
      const leg = this.#legs[index];
      if (leg !== undefined) this.#ready.remove(leg.port.fd);
      this.#legs[index] = undefined;
    }
  }

  /** Works until it is told to stop. */
  run(): void {
    const { io, base, wakeFd, onWake } = this.#parts;
    try {
      for (;;) {
        // It is made with the first session.
        writePollfd(this.#view, POLL_AT + POLLFD_BYTES, this.#ready.descriptor);
        if (io.poll(base + POLL_AT, 2, -1) < 0) continue;
        if (polledEvents(this.#view, POLL_AT) !== 0) {
          io.read(wakeFd, base + WAKE_AT, 8);
          if (!onWake()) return;
        }
        if (polledEvents(this.#view, POLL_AT + POLLFD_BYTES) !== 0) this.#turn();
      }
    } finally {
      this.#ready.close();
    }
  }

  #turn(): void {
    const count = this.#ready.poll();
    for (let i = 0; i < count; i++) {
      const leg = this.#legs[this.#ready.token(i)];
      if (leg === undefined) continue;
      this.#serve(leg);
      this.#parts.onTurn(leg.port.slot, leg.session);
    }
  }

  #serve(leg: SwitchLeg<EnginePort>): void {
    const receiver = this.#receiver;
    const now = this.#parts.now();
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const count = receiver.receive(leg.port.fd);
      if (count === 0) return;
      for (let i = 0; i < count; i++) this.#forward(now, leg, i);
      if (receiver.isDrained) return;
    }
  }

  /** Judges each datagram of a batch; those that follow each other and may go on go together. */
  #forward(now: number, leg: SwitchLeg<EnginePort>, index: number): void {
    const receiver = this.#receiver;
    const start = receiver.at(index);
    const lengthBytes = receiver.lengthBytes(index);
    const segmentBytes = Math.max(1, receiver.segmentBytes(index));
    const source = receiver.source(index);
    let from = 0;
    let at = 0;
    // An empty datagram is judged too.
    do {
      const datagramBytes = Math.min(segmentBytes, lengthBytes - at);
      const verdict = this.switch.judge(now, leg, source, this.#bytes, start + at, datagramBytes);
      if (verdict !== "carried") {
        this.#send(leg, start + from, at - from, segmentBytes);
        from = at + datagramBytes;
        if (verdict === "bound") {
          this.#bytes.set(this.switch.answer, ANSWER_AT);
          leg.port.sender.send(ANSWER_AT, BIND_BYTES, BIND_BYTES, source);
        }
      }
      at += datagramBytes;
    } while (at < lengthBytes);
    this.#send(leg, start + from, at - from, segmentBytes);
  }

  #send({ other }: SwitchLeg<EnginePort>, at: number, lengthBytes: number, segmentBytes: number): void {
    if (lengthBytes > 0 && other.source !== undefined) {
      other.port.sender.send(at, lengthBytes, segmentBytes, other.source);
    }
  }

  #sender(index: number, socket: LegSocket): GsoSender {
    const { io, memory, base, onDrop } = this.#parts;
    const area = SENDERS_AT + index * SENDER_PLACE_BYTES;
    return new GsoSender({ io, memory, base, area, ...socket, onDrop });
  }
}

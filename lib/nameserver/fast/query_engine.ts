/**
 * The loop of the fast way: it blocks until something is there, answers what it has an answer for, and leaves the rest in
 * `WorkerSlots` for the control thread.
 * @module
 */

import type { DnsCounter } from "../../dns/mod.ts";
import {
  type BoundUdp,
  polledEvents,
  POLLFD_BYTES,
  type RawCalls,
  SOCKADDR_BYTES,
  writePollfd,
} from "../../host/mod.ts";
import { AnswerTable, countRepeated } from "../answer_table.ts";
import { BATCH, BATCH_BYTES, DatagramBatch } from "./datagram_batch.ts";
import { QUERY_SLOTS, type WorkerSlots } from "./query_slots.ts";
import { MAX_KEY_BYTES, QuestionKey } from "../question_key.ts";
import type { SourceGate } from "../source_gate.ts";

/** So much is received of one socket before the others have their turn. */
const MAX_ROUNDS = 16;
const TABLE_BYTES = 4 << 20;
const POLL_BYTES = 256;
const WAKE_BYTES = 64;
/** How much memory an engine takes. */
export const ENGINE_BYTES: number = POLL_BYTES + WAKE_BYTES + BATCH_BYTES + TABLE_BYTES;
/** As many descriptors as there is room for, one of them to be woken by. */
export const MAX_SOCKETS: number = POLL_BYTES / POLLFD_BYTES - 1;

/** A socket that is bound. */
export type EngineSocket = Pick<BoundUdp, "fd" | "family">;

/** Stands for an index that no socket has. */
const NO_SOCKET: EngineSocket = { fd: -1, family: 4 };

/** Descriptors, memory and callbacks of one engine; it closes none of them. */
export interface QueryEngineParts {
  readonly io: RawCalls;
  /** At least `ENGINE_BYTES`; it never moves. */
  readonly memory: WebAssembly.Memory;
  /** The memory's address in this process. */
  readonly base: number;
  readonly sockets: readonly EngineSocket[];
  /** An eventfd that is written to when there are answers, or when it is to stop. */
  readonly wakeFd: number;
  readonly slots: WorkerSlots;
  readonly gate: SourceGate;
  /** Monotonic, in milliseconds. */
  readonly now: () => number;
  /** These slots have queries now. */
  readonly onAsked: (slots: readonly number[]) => void;
  readonly onCount: (counter: DnsCounter) => void;
}

/** One worker's work. */
export class QueryEngine {
  readonly #parts: QueryEngineParts;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #batch: DatagramBatch;
  readonly #table: AnswerTable;
  readonly #key = new QuestionKey();
  readonly #wakeAt: number;
  #generation: number;
  #asked: number[] = [];
  // Of each query slot: whose query it is, and its key; no key means that its answer is not kept.
  readonly #slotSockets = new Uint8Array(QUERY_SLOTS);
  readonly #slotSources = new Uint8Array(QUERY_SLOTS * SOCKADDR_BYTES);
  readonly #slotKeys = new Uint8Array(QUERY_SLOTS * MAX_KEY_BYTES);
  readonly #slotKeyBytes = new Uint16Array(QUERY_SLOTS);
  readonly #slotHashes = new Int32Array(QUERY_SLOTS);

  /** @throws RangeError when there are more sockets than it can wait for */
  constructor(parts: QueryEngineParts) {
    const { io, memory, base, sockets, wakeFd, slots } = parts;
    if (sockets.length > MAX_SOCKETS) throw new RangeError(`Cannot wait for ${sockets.length} sockets`);
    this.#parts = parts;
    this.#bytes = new Uint8Array(memory.buffer);
    this.#view = new DataView(memory.buffer);
    this.#wakeAt = POLL_BYTES;
    const batchAt = POLL_BYTES + WAKE_BYTES;
    this.#batch = new DatagramBatch(io, memory, base, batchAt);
    const tableAt = batchAt + BATCH_BYTES;
    this.#table = new AnswerTable(this.#bytes, tableAt, tableAt + TABLE_BYTES);
    this.#generation = slots.generation;
    [wakeFd, ...sockets.map(({ fd }) => fd)].forEach((fd, i) => {
      writePollfd(this.#view, i * POLLFD_BYTES, fd);
    });
  }

  /** Works until it is told to stop. */
  run(): void {
    const { io, base, sockets, wakeFd, slots } = this.#parts;
    for (;;) {
      if (io.poll(base, sockets.length + 1, -1) < 0) continue;
      if (this.#isReady(0)) {
        io.read(wakeFd, base + this.#wakeAt, 8);
        if (slots.isStopped) return;
        this.#sendAnswers();
      }
      for (let i = 0; i < sockets.length; i++) if (this.#isReady(i + 1)) this.#serve(i);
    }
  }

  #isReady(index: number): boolean {
    return polledEvents(this.#view, index * POLLFD_BYTES) !== 0;
  }

  /** Answers what one socket has. */
  #serve(socket: number): void {
    const { sockets, now, slots, onAsked } = this.#parts;
    const { fd } = sockets[socket] ?? NO_SOCKET;
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const count = this.#batch.receive(fd);
      if (count === 0) break;
      if (slots.generation !== this.#generation) {
        this.#generation = slots.generation;
        this.#table.clear();
      }
      const nowMs = now();
      for (let i = 0; i < count; i++) this.#take(socket, i, nowMs);
      this.#send(socket);
      if (count < BATCH / 4) break;
    }
    if (this.#asked.length === 0) return;
    onAsked(this.#asked);
    this.#asked = [];
  }

  #take(socket: number, index: number, nowMs: number): void {
    const { gate, onCount } = this.#parts;
    const batch = this.#batch;
    const source = batch.source(index);
    const verdict = gate.judge(this.#bytes, source, nowMs);
    if (verdict !== "admitted") return onCount(verdict);
    const at = batch.at(index);
    const length = batch.length(index);
    const isPlain = this.#key.read(this.#bytes, at, length);
    if (!isPlain || !this.#table.find(this.#key)) return this.#ask(socket, index, isPlain);
    this.#answer(source, at);
  }

  /** What was found, with the id and the spelling of this query. */
  #answer(source: number, query: number): void {
    const { foundAt, foundBytes } = this.#table;
    const bytes = this.#bytes;
    const at = this.#batch.queue(source, foundBytes);
    bytes.copyWithin(at, foundAt, foundAt + foundBytes);
    bytes[at] = bytes[query] ?? 0;
    bytes[at + 1] = bytes[query + 1] ?? 0;
    bytes.copyWithin(at + 12, query + 12, query + 12 + this.#key.nameBytes);
    countRepeated(bytes[at + 2] ?? 0, bytes[at + 3] ?? 0, this.#parts.onCount);
  }

  #ask(socket: number, index: number, isPlain: boolean): void {
    const { slots, onCount } = this.#parts;
    const batch = this.#batch;
    const slot = slots.submit(this.#bytes, batch.at(index), batch.length(index));
    if (slot < 0) return onCount("dropped-busy");
    const source = batch.source(index);
    this.#slotSockets[slot] = socket;
    this.#slotSources.set(this.#bytes.subarray(source, source + SOCKADDR_BYTES), slot * SOCKADDR_BYTES);
    const key = this.#key;
    this.#slotKeyBytes[slot] = isPlain ? key.length : 0;
    if (isPlain) {
      this.#slotKeys.set(key.bytes.subarray(0, key.length), slot * MAX_KEY_BYTES);
      this.#slotHashes[slot] = key.hash;
    }
    this.#asked.push(slot);
  }

  /** Sends the answers that have come, and keeps those that last. */
  #sendAnswers(): void {
    const { slots, sockets } = this.#parts;
    let last = -1;
    slots.takeAnswers((slot, answer, isLasting) => {
      if (answer.length === 0) return;
      const socket = this.#slotSockets[slot] ?? 0;
      if (last >= 0 && (socket !== last || this.#batch.queued === BATCH)) this.#send(last);
      last = socket;
      const source = this.#slotSources.subarray(slot * SOCKADDR_BYTES, (slot + 1) * SOCKADDR_BYTES);
      this.#bytes.set(answer, this.#batch.queueTo(source, answer.length));
      if (isLasting) this.#keep(slot, answer);
    });
    if (last >= 0 && sockets.length > 0) this.#send(last);
  }

  #keep(slot: number, answer: Uint8Array): void {
    const length = this.#slotKeyBytes[slot] ?? 0;
    if (length === 0 || this.#parts.slots.generation !== this.#generation) return;
    const key = this.#key;
    key.bytes.set(this.#slotKeys.subarray(slot * MAX_KEY_BYTES, slot * MAX_KEY_BYTES + length));
    key.length = length;
    key.hash = this.#slotHashes[slot] ?? 0;
    this.#table.put(key, answer);
  }

  /** Sends what is queued by one of the sockets. */
  #send(socket: number): void {
    if (this.#batch.queued === 0) return;
    const { fd, family } = this.#parts.sockets[socket] ?? NO_SOCKET;
    const lost = this.#batch.send(fd, family);
    for (let i = 0; i < lost; i++) this.#parts.onCount("dropped-send");
  }
}

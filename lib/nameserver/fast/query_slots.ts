/**
 * Where the worker leaves queries that it has no answer for, and the control thread the answers: slots in shared memory,
 * each with one owner at a time.
 *
 * ```text
 *   free ── worker: submit ──▶ asked ── control: answer ──▶ answered ── worker: takeAnswers ──▶ free
 * ```
 * @module
 */

/** How many queries may wait; as many questions may be with other servers at a time. */
export const QUERY_SLOTS = 1024;
/** A longer query is cut, and then malformed; no response over UDP is longer. */
export const SLOT_BYTES = 2048;

/** Words of the header of a slot. */
const STATE = 0;
const LENGTH = 1;
const LASTING = 2;
/** The state of the zone that the answer is of. */
const GENERATION = 3;
const SLOT_WORDS = 4;
const FREE = 0;
const ASKED = 1;
const ANSWERED = 2;

/** Words before the slots. */
const CURRENT_GENERATION = 0;
const STOPPED = 1;
const HEADER_WORDS = 4;
const WORDS = HEADER_WORDS + QUERY_SLOTS * SLOT_WORDS;

/** @returns the memory that both threads share */
export function slotMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(WORDS * 4 + QUERY_SLOTS * SLOT_BYTES);
}

class QuerySlots {
  protected readonly words: Int32Array;
  protected readonly bytes: Uint8Array;

  constructor(memory: SharedArrayBuffer) {
    this.words = new Int32Array(memory, 0, WORDS);
    this.bytes = new Uint8Array(memory, WORDS * 4);
  }

  /** Grows whenever the zone changes: what was lasting before is not any more. */
  get generation(): number {
    return Atomics.load(this.words, CURRENT_GENERATION);
  }

  protected word(slot: number, word: number): number {
    return HEADER_WORDS + slot * SLOT_WORDS + word;
  }

  protected slotBytes(slot: number): Uint8Array {
    const length = Math.min(SLOT_BYTES, this.words[this.word(slot, LENGTH)] ?? 0);
    return this.bytes.subarray(slot * SLOT_BYTES, slot * SLOT_BYTES + length);
  }
}

/** The worker's side. */
export class WorkerSlots extends QuerySlots {
  readonly #free: number[] = Array.from({ length: QUERY_SLOTS }, (_, i) => QUERY_SLOTS - 1 - i);
  readonly #asked = new Set<number>();

  get isStopped(): boolean {
    return Atomics.load(this.words, STOPPED) !== 0;
  }

  /** @returns the slot in which the query waits, or -1 when all are taken */
  submit(memory: Uint8Array, at: number, lengthBytes: number): number {
    const slot = this.#free.pop();
    if (slot === undefined) return -1;
    const length = Math.min(SLOT_BYTES, lengthBytes);
    this.bytes.set(memory.subarray(at, at + length), slot * SLOT_BYTES);
    this.words[this.word(slot, LENGTH)] = length;
    this.#asked.add(slot);
    Atomics.store(this.words, this.word(slot, STATE), ASKED);
    return slot;
  }

  /**
   * Takes all answers that are there. `take` gets each with the slot that its query waited in; an empty one means that
   * nobody is answered. It is valid until `take` returns.
   */
  takeAnswers(take: (slot: number, answer: Uint8Array, isLasting: boolean) => void): void {
    for (const slot of this.#asked) {
      if (Atomics.load(this.words, this.word(slot, STATE)) !== ANSWERED) continue;
      const isCurrent = this.words[this.word(slot, GENERATION)] === this.generation;
      take(slot, this.slotBytes(slot), isCurrent && this.words[this.word(slot, LASTING)] === 1);
      this.#asked.delete(slot);
      this.#free.push(slot);
      Atomics.store(this.words, this.word(slot, STATE), FREE);
    }
  }
}

/** The control thread's side. */
export class ControlSlots extends QuerySlots {
  /** Says that the zone has changed. */
  changeGeneration(): void {
    Atomics.add(this.words, CURRENT_GENERATION, 1);
  }

  /** Says that the worker is to end; it has to be woken. */
  stop(): void {
    Atomics.store(this.words, STOPPED, 1);
  }

  /** @returns the query that waits in a slot, copied */
  query(slot: number): Uint8Array {
    return this.slotBytes(slot).slice();
  }

  /** Answers the query in a slot; the worker has to be woken. @param response undefined answers nobody */
  answer(slot: number, response: Uint8Array | undefined, isLasting: boolean): void {
    const length = response === undefined || response.length > SLOT_BYTES ? 0 : response.length;
    if (response !== undefined && length > 0) this.bytes.set(response, slot * SLOT_BYTES);
    this.words[this.word(slot, LENGTH)] = length;
    this.words[this.word(slot, LASTING)] = isLasting ? 1 : 0;
    this.words[this.word(slot, GENERATION)] = this.generation;
    Atomics.store(this.words, this.word(slot, STATE), ANSWERED);
  }
}

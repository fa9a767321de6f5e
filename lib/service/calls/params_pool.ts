/**
 * Room for the bytes of calls that wait: a call keeps its own, since its caller may write on in them, and most are short
 * and soon over. To make a buffer for each costs more than all else that a call does with its bytes.
 * @module
 */

import { encodeView, plain, type WireValue } from "../wire/mod.ts";

/** Shorter bytes cost nothing to speak of, and longer ones go as streams, which outlive their call's end. */
const MIN_BYTES = 65;
const MAX_BYTES = 24 * 1_024;
/** How much room is kept for the next calls. */
const MAX_SPARE_BYTES: number = 1 << 20;

/** One for a node or program. */
export class ParamsPool {
  /** By the logarithm of their room: what was released last, a view of it. */
  readonly #spare: Uint8Array[][] = [];
  #spareBytes = 0;

  /**
   * @returns the value's bytes, its own until `release`
   * @throws CallError when it can't be sent
   */
  encode(params: unknown): WireValue {
    const view = encodeView(params);
    if (!(params instanceof Uint8Array)) return view;
    const { encoding, data } = view;
    if (data.length < MIN_BYTES || data.length > MAX_BYTES) return plain(encoding, new Uint8Array(data));
    const room = this.#take(data.length);
    room.set(data);
    return plain(encoding, room);
  }

  /** Takes the room of a value back that was encoded here; nobody reads it any more. */
  release(params: unknown, { data }: WireValue): void {
    if (!(params instanceof Uint8Array) || data.length < MIN_BYTES || data.length > MAX_BYTES) return;
    const bytes = data.buffer.byteLength;
    if (this.#spareBytes + bytes > MAX_SPARE_BYTES) return;
    this.#spareBytes += bytes;
    (this.#spare[logarithm(bytes)] ??= []).push(data);
  }

  /** Calls are often as long as the one before, and then its view serves as it is. */
  #take(length: number): Uint8Array {
    const size = logarithm(length - 1) + 1;
    const spare = this.#spare[size]?.pop();
    if (spare !== undefined) this.#spareBytes -= spare.buffer.byteLength;
    if (spare?.length === length) return spare;
    return new Uint8Array(spare?.buffer ?? new ArrayBuffer(1 << size), 0, length);
  }
}

function logarithm(value: number): number {
  return 31 - Math.clz32(value);
}

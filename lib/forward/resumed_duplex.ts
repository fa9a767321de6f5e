/**
 * Reading on where somebody else has begun.
 * @module
 */

import type { Duplex } from "./duplex.ts";

/** A stream of which something was read already. */
export class ResumedDuplex implements Duplex {
  readonly #stream: Duplex;
  #first: Uint8Array | undefined;

  /** @param first what comes before everything else that is read; it may be empty */
  constructor(stream: Duplex, first: Uint8Array) {
    this.#stream = stream;
    this.#first = first.length === 0 ? undefined : first;
  }

  get resetCode(): number | undefined {
    return this.#stream.resetCode;
  }

  read(): Promise<Uint8Array | undefined> {
    const first = this.#first;
    this.#first = undefined;
    return first === undefined ? this.#stream.read() : Promise.resolve(first);
  }

  write(bytes: Uint8Array): Promise<boolean> {
    return this.#stream.write(bytes);
  }

  end(): void {
    this.#stream.end();
  }

  reset(code: number): void {
    this.#stream.reset(code);
  }
}

/**
 * Streams of bytes in memory, for the tests of this folder.
 * @module
 */

import type { ServiceStream } from "../ports.ts";

const WINDOW_BYTES = 1 << 18;
const PIECE_BYTES = 16_384;

/** Two ends of a stream in memory, with a window as a channel has one. @param onDone both directions are over */
export function streamPair(onDone: () => void = () => {}): [ServiceStream, ServiceStream] {
  const [ab, ba] = [new Pipe(), new Pipe()];
  let resetCode: number | undefined;
  const isOver = () => ab.isOver && ba.isOver;
  const end = (out: Pipe, into: Pipe): ServiceStream => ({
    read: () => into.read(),
    write: (bytes) => out.write(bytes),
    end() {
      out.end();
      if (isOver()) onDone();
    },
    reset(code) {
      if (isOver()) return;
      resetCode ??= code;
      ab.break();
      ba.break();
      onDone();
    },
    get resetCode() {
      return resetCode;
    },
  });
  return [end(ab, ba), end(ba, ab)];
}

class Pipe {
  readonly #pieces: Uint8Array[] = [];
  #bytes = 0;
  #isEnded = false;
  #isBroken = false;
  #wake: (() => void)[] = [];

  get isOver(): boolean {
    return this.#isEnded || this.#isBroken;
  }

  async read(): Promise<Uint8Array | undefined> {
    while (this.#pieces.length === 0 && !this.#isEnded && !this.#isBroken) await this.#change();
    const piece = this.#isBroken ? undefined : this.#pieces.shift();
    this.#bytes -= piece?.length ?? 0;
    this.#changed();
    return piece;
  }

  async write(bytes: Uint8Array): Promise<boolean> {
    for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
      while (this.#bytes >= WINDOW_BYTES && !this.#isBroken) await this.#change();
      if (this.#isBroken || this.#isEnded) return false;
      const piece = bytes.slice(at, at + PIECE_BYTES);
      this.#pieces.push(piece);
      this.#bytes += piece.length;
      this.#changed();
    }
    return !this.#isBroken;
  }

  end(): void {
    this.#isEnded = true;
    this.#changed();
  }

  break(): void {
    if (this.#isEnded && this.#pieces.length === 0) return;
    this.#isBroken = true;
    this.#pieces.length = 0;
    this.#changed();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#wake.push(resolve));
  }

  #changed(): void {
    if (this.#wake.length > 0) { for (const wake of this.#wake.splice(0)) wake(); }
  }
}

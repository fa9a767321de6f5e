/**
 * Streams of bytes in memory.
 * @module
 */

import type { ServiceStream } from "../service/mod.ts";

const WINDOW_BYTES = 1 << 18;
const PIECE_BYTES = 16_384;

/** Brings something to the other end, now or later; of one direction in order. It may be lost with the link. */
export type Carry = (arrive: () => void) => void;

const AT_ONCE: Carry = (arrive) => arrive();

/**
 * Two ends of a stream in memory, with a window as a channel has one.
 * @param onDone both directions are over
 * @param carries brings what each end writes to the other one; at once unless given
 */
export function streamPair(
  onDone: () => void = () => {},
  carries: readonly [forth: Carry, back: Carry] = [AT_ONCE, AT_ONCE],
): [ServiceStream, ServiceStream] {
  const [ab, ba] = [new Pipe(carries[0]), new Pipe(carries[1])];
  let resetCode: number | undefined;
  const isOver = () => ab.isOver && ba.isOver;
  const end = (out: Pipe, into: Pipe): ServiceStream => ({
    read: () => into.read(),
    write: (bytes) => out.write(bytes),
    end() {
      out.end(() => isOver() && onDone());
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
  readonly #carry: Carry;
  readonly #pieces: Uint8Array[] = [];
  /** What was written and not yet read, on its way or arrived. */
  #bytes = 0;
  #isEnded = false;
  #hasEndArrived = false;
  #isBroken = false;
  #wake: (() => void)[] = [];

  constructor(carry: Carry) {
    this.#carry = carry;
  }

  get isOver(): boolean {
    return this.#hasEndArrived || this.#isBroken;
  }

  async read(): Promise<Uint8Array | undefined> {
    while (this.#pieces.length === 0 && !this.#hasEndArrived && !this.#isBroken) await this.#change();
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
      this.#bytes += piece.length;
      this.#carry(() => {
        if (this.#isBroken) return;
        this.#pieces.push(piece);
        this.#changed();
      });
    }
    return !this.#isBroken;
  }

  end(onArrived: () => void): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#carry(() => {
      this.#hasEndArrived = true;
      onArrived();
      this.#changed();
    });
    this.#changed();
  }

  break(): void {
    if (this.#hasEndArrived && this.#pieces.length === 0) return;
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

/**
 * A stream between two programs as a port, and streams that need no socket.
 * @module
 */

/** Ordered bytes in both directions, each of which ends on its own: TCP, or a stream of a channel. */
export interface Duplex {
  /** What whoever reset the stream gave; undefined while it was not reset. */
  readonly resetCode: number | undefined;
  /**
   * Waits for bytes; one call at a time.
   * @returns at least one byte, which nobody else writes to; undefined at the end, or when the stream was reset
   */
  read(): Promise<Uint8Array | undefined>;
  /**
   * Sends bytes, which may not change until the promise resolves, waiting while the other end is slow.
   * @returns false when the stream was reset or nobody takes them any more
   */
  write(bytes: Uint8Array): Promise<boolean>;
  /** Ends this direction after what was written; the other goes on. Harmless when repeated. */
  end(): void;
  /**
   * Ends both directions at once; what is under way is lost. Harmless when repeated, or when both have ended.
   * @param code 0 to 0xffffffef, for the other end
   */
  reset(code: number): void;
}

/**
 * @param first what comes before everything else that is read; it may be empty
 * @returns a stream of which something was read already
 */
export function resumed(stream: Duplex, first: Uint8Array): Duplex {
  let rest = first.length === 0 ? undefined : first;
  return {
    get resetCode() {
      return stream.resetCode;
    },
    read() {
      const bytes = rest;
      rest = undefined;
      return bytes === undefined ? stream.read() : Promise.resolve(bytes);
    },
    write: (bytes) => stream.write(bytes),
    end: () => stream.end(),
    reset: (code) => stream.reset(code),
  };
}

// A write waits while so many bytes have not been read.
const WINDOW_BYTES = 256 * 1_024;

/** @returns both ends of a stream inside this process; what one writes the other reads, at its pace */
export function duplexPair(): [Duplex, Duplex] {
  const shared: Shared = { resetCode: undefined };
  const [there, back] = [new Pipe(shared), new Pipe(shared)];
  const end = (into: Pipe, from: Pipe): Duplex => ({
    get resetCode() {
      return shared.resetCode;
    },
    read: () => from.read(),
    write: (bytes) => into.write(bytes),
    end: () => into.end(),
    reset(code) {
      if (shared.resetCode !== undefined || (there.isOver && back.isOver)) return;
      shared.resetCode = code;
      there.drop();
      back.drop();
    },
  });
  return [end(there, back), end(back, there)];
}

interface Shared {
  resetCode: number | undefined;
}

/** One direction. */
class Pipe {
  readonly #shared: Shared;
  #pieces: Uint8Array[] = [];
  #bytes = 0;
  #isEnded = false;
  #waiting: (() => void)[] = [];

  constructor(shared: Shared) {
    this.#shared = shared;
  }

  /** Whether all of it has been read. */
  get isOver(): boolean {
    return this.#isEnded && this.#pieces.length === 0;
  }

  async read(): Promise<Uint8Array | undefined> {
    for (;;) {
      const piece = this.#pieces.shift();
      if (piece !== undefined) {
        this.#bytes -= piece.length;
        this.#wake();
        return piece;
      }
      if (this.#isEnded || this.#shared.resetCode !== undefined) return undefined;
      await this.#change();
    }
  }

  async write(bytes: Uint8Array): Promise<boolean> {
    while (this.#bytes >= WINDOW_BYTES && this.#isOpen) await this.#change();
    if (!this.#isOpen) return false;
    if (bytes.length === 0) return true;
    this.#pieces.push(bytes.slice());
    this.#bytes += bytes.length;
    this.#wake();
    return true;
  }

  end(): void {
    this.#isEnded = true;
    this.#wake();
  }

  drop(): void {
    this.#pieces = [];
    this.#bytes = 0;
    this.#wake();
  }

  get #isOpen(): boolean {
    return !this.#isEnded && this.#shared.resetCode === undefined;
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}

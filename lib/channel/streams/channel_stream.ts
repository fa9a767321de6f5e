/**
 * A stream of a channel, as its two users see it.
 * @module
 */

import type { StreamMux } from "./stream_mux.ts";
import { INITIAL_WINDOW_BYTES, MAX_RESET_CODE, type StreamState } from "./stream_state.ts";

const MAX_WINDOW_BYTES: number = 16 << 20;

/** Is handed a stream that the other end has begun, and the header that goes with it. */
export type StreamHandler = (stream: ChannelStream, header: Uint8Array) => void;

/** Ordered bytes in both directions, each of which ends on its own. Made by `Channel.openStream` and `onStream`. */
export class ChannelStream {
  /** Resolves when both directions have ended, or the stream was reset; it never rejects. */
  readonly closed: Promise<void>;

  readonly #mux: StreamMux;
  readonly #state: StreamState;
  #reader: ((bytes: Uint8Array | undefined) => void) | undefined;

  constructor(mux: StreamMux, state: StreamState) {
    this.#mux = mux;
    this.#state = state;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.closed = promise;
    state.events = { onReadable: () => this.#wakeReader(), onClosed: resolve };
    if (state.isFinished || state.resetCode !== undefined) resolve();
  }

  /** What whoever reset the stream gave; `StreamReset` has the channel's own codes. Undefined while it was not. */
  get resetCode(): number | undefined {
    return this.#state.resetCode;
  }

  /**
   * Waits for bytes. What is read is what the other end may send anew.
   * @returns at least one byte, the caller's own; undefined at the end, or when the stream was reset
   * @throws TypeError when another call waits already
   */
  async read(): Promise<Uint8Array | undefined> {
    if (this.#reader !== undefined) throw new TypeError("Cannot read: another call waits already");
    const bytes = this.#mux.read(this.#state);
    if (bytes !== undefined || this.#isAtEnd()) return bytes;
    return await new Promise((resolve) => this.#reader = resolve);
  }

  /**
   * Sends bytes, which may not change until the promise resolves. Calls keep their order.
   * @returns true when all of them are on their way: the other end has given credit for them. False when the stream
   *   was reset, or `end` was called before
   */
  write(bytes: Uint8Array): Promise<boolean> {
    return new Promise((resolve) => this.#mux.write(this.#state, bytes, resolve));
  }

  /**
   * Lets the other end send more than usual before it waits for a reader: for those who read at once whatever comes, and
   * whose path is long.
   * @param windowBytes 64 KiB to 16 MiB
   * @throws RangeError for another window
   */
  setWindow(windowBytes: number): void {
    if (!(windowBytes >= INITIAL_WINDOW_BYTES && windowBytes <= MAX_WINDOW_BYTES)) {
      throw new RangeError(`Cannot give a stream a window of ${windowBytes} bytes: it has 64 KiB to 16 MiB`);
    }
    this.#mux.setWindow(this.#state, Math.floor(windowBytes));
  }

  /** Ends this direction after what was written; the other goes on. Harmless when repeated. */
  end(): void {
    this.#mux.end(this.#state);
  }

  /**
   * Ends both directions at once; what is under way is lost. Harmless when repeated, or when both have ended.
   * @param code 0 to 0xffffffef, for the other end
   * @throws RangeError when the code is none
   */
  reset(code: number): void {
    if (!Number.isInteger(code) || code < 0 || code > MAX_RESET_CODE) {
      throw new RangeError(`Cannot reset by code ${code}: codes are 0 to ${MAX_RESET_CODE}`);
    }
    this.#mux.reset(this.#state, code);
  }

  #wakeReader(): void {
    const reader = this.#reader;
    if (reader === undefined) return;
    const bytes = this.#mux.read(this.#state);
    if (bytes === undefined && !this.#isAtEnd()) return;
    this.#reader = undefined;
    reader(bytes);
  }

  #isAtEnd(): boolean {
    return this.#state.hasReceivedEnd || this.#state.resetCode !== undefined;
  }
}

/**
 * What the handler of a call is given beside its parameters.
 * @module
 */

import type { PeerId } from "./ports.ts";

/** One call, as its handler sees it. */
export class CallContext {
  /** Who calls; undefined when it is a program of this node. */
  readonly caller: PeerId | undefined;
  /** `service/action`. */
  readonly path: string;
  /** When the caller gives up, by the clock that services go by. */
  readonly deadlineMs: number;
  /** The items that the caller streams; empty when it streams none. */
  readonly stream: ReadableStream<unknown> | undefined;
  #abort: AbortController | undefined;
  #reason: unknown;
  #isAborted = false;

  /** Made by the runtime, one for each call. @param deadlineMs by the clock that services go by */
  constructor(
    path: string,
    deadlineMs: number,
    caller: PeerId | undefined,
    stream: ReadableStream<unknown> | undefined,
  ) {
    this.path = path;
    this.deadlineMs = deadlineMs;
    this.caller = caller;
    this.stream = stream;
  }

  /** Aborted when the caller has given up, is gone, or its deadline has passed. */
  get signal(): AbortSignal {
    // Most handlers never look.
    if (this.#abort === undefined) {
      this.#abort = new AbortController();
      if (this.#isAborted) this.#abort.abort(this.#reason);
    }
    return this.#abort.signal;
  }

  /** Whether nobody waits for the answer any more. */
  get isAborted(): boolean {
    return this.#isAborted;
  }

  /** Nobody waits for the answer any more. Harmless when repeated. */
  abort(reason: unknown): void {
    if (this.#isAborted) return;
    this.#isAborted = true;
    this.#reason = reason;
    this.#abort?.abort(reason);
  }
}

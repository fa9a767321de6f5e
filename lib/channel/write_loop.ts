/**
 * Carries records to the stream.
 * @module
 */

import type { ByteStream } from "../base/mod.ts";
import type { RecordWriter } from "./record_writer.ts";

/** What the loop stands on. */
export interface WriteLoopOptions {
  readonly stream: ByteStream;
  readonly writer: RecordWriter;
  /** Whether the channel is closed, after which nothing is written. */
  readonly isClosed: () => boolean;
  /** Called when the stream is broken. */
  readonly onBroken: () => void;
}

/** Writes until nothing is due. One write is under way at a time, and what comes meanwhile goes with the next. */
export class WriteLoop {
  readonly #options: WriteLoopOptions;
  #isWriting = false;
  #isScheduled = false;

  constructor(options: WriteLoopOptions) {
    this.#options = options;
  }

  /** Writes when this turn is over, so that all it has to say shares a record. */
  schedule(): void {
    if (this.#isWriting || this.#isScheduled) return;
    this.#isScheduled = true;
    queueMicrotask(() => this.flushScheduled());
  }

  /** Writes what was scheduled before the turn is over. */
  flushScheduled(): void {
    if (!this.#isScheduled) return;
    this.#isScheduled = false;
    this.flush();
  }

  /** Writes at once, unless a write is under way. */
  flush(): void {
    if (!this.#isWriting) void this.#run();
  }

  async #run(): Promise<void> {
    const { stream, writer, isClosed, onBroken } = this.#options;
    this.#isWriting = true;
    while (!isClosed()) {
      const records = writer.poll();
      if (records === undefined) break;
      if (!await stream.write(records)) onBroken();
    }
    this.#isWriting = false;
  }
}

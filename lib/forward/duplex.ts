/**
 * A stream between two programs as a port.
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

/**
 * An ordered, reliable stream of bytes as a port: TCP, a Unix socket, or memory.
 * @module
 */

/** One end of a two-way stream. At most one read and one write are under way at a time. */
export interface ByteStream {
  /** Where the other end is, for people: `192.0.2.1:51820`, `unix:/run/…`, `memory:a`. */
  readonly remoteAddress: string;
  /**
   * Reads what has arrived into `out`.
   * @returns how many bytes, at least 1; or undefined when the other end has closed or the stream is broken
   */
  read(out: Uint8Array): Promise<number | undefined>;
  /**
   * Writes all of `bytes`, waiting while the other end is slow.
   * @returns false when the stream is broken
   */
  write(bytes: Uint8Array): Promise<boolean>;
  /** Closes both directions at once; a read under way returns undefined. Harmless when repeated. */
  close(): void;
}

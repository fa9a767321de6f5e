/**
 * Accepting streams as a port: TCP, or memory.
 * @module
 */

import type { ByteStream } from "../base/mod.ts";
import type { Endpoint } from "../net/mod.ts";

/** A stream that somebody opened to us. */
export interface AcceptedStream {
  readonly stream: ByteStream;
  /** Who opened it; IPv4 is always plain, never mapped into IPv6. */
  readonly source: Endpoint;
}

/** Waits for streams on one port. */
export interface StreamListener {
  /** The port that others dial. */
  readonly localPort: number;
  /**
   * Waits for the next stream; one call is under way at a time.
   * @returns undefined when the listener is closed
   */
  accept(): Promise<AcceptedStream | undefined>;
  /** Closes; an `accept` under way returns undefined, accepted streams live on. Harmless when repeated. */
  close(): void;
}

/**
 * How a call is made.
 * @module
 */

import type { CallMode } from "../bounds.ts";
import type { ItemSource } from "../wire/mod.ts";

/** How often a call is tried again unless told. */
export const DEFAULT_RETRIES = 3;

/** What a caller may choose. */
export interface CallOptions {
  /** The deadline, which travels with the request; 10,000 unless told. */
  readonly timeoutMs?: number;
  /** Which provider is asked; `round-robin` unless told, and `leader` for a service that has one. */
  readonly mode?: CallMode;
  /** The node that has to answer, by name, id or address; in place of a mode. */
  readonly node?: string;
  /** How often it is tried again, 3 times unless told: only what surely did not run, or is idempotent. */
  readonly retries?: number;
  /** Whether running it twice does no harm; as the action says unless told. */
  readonly idempotent?: boolean;
  /** Gives up, and tells the handler. */
  readonly signal?: AbortSignal;
  /** Items for the handler's `context.stream`. A call with a stream is made once. */
  readonly stream?: ItemSource;
}

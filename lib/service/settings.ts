/**
 * How a node or an attached program exchanges values, spares providers, and stops.
 * @module
 */

import type { BreakerOptions } from "./directory/mod.ts";
import type { CarrierLimits } from "./wire/mod.ts";

/** What a program may set of its services. */
export interface ServiceSettings {
  /** Limits of values. */
  readonly limits?: CarrierLimits;
  /**
   * When providers are spared that fail, each action of each by itself: after five failures in a row, for 10 s, unless
   * given. For a program that is attached to an agent, that one chooses providers, by settings of its own.
   */
  readonly breaker?: BreakerOptions;
  /** How long calls that are under way may take when it stops, in milliseconds; 5,000 unless given. */
  readonly drainMs?: number;
}

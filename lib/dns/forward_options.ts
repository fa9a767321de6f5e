/**
 * Whom a forwarder asks, within which bounds, and what it knows of them.
 * @module
 */

import type { Endpoint } from "../net/mod.ts";
import type { DomainName } from "./domain_name.ts";
import type { UpstreamState } from "./upstream_health.ts";

/** Servers for all names under a suffix. */
export interface ForwardRoute {
  /** The root for all names that no longer suffix has. */
  readonly suffix: DomainName;
  /** Asked in this order; none: names under the suffix are refused. */
  readonly servers: readonly Endpoint[];
}

/** The bounds of forwarding. */
export interface ForwardLimits {
  /** How long a server may take until another is asked as well, in milliseconds. */
  readonly attemptTimeoutMs: number;
  /** How many attempts a question is worth, over all servers; after as many timeouts it has failed. */
  readonly maxAttempts: number;
  /** How many questions may be under way. */
  readonly maxExchanges: number;
  /** How many may wait for the same answer. */
  readonly maxWaiters: number;
  /** How many answers are kept. */
  readonly cacheCapacity: number;
}

/** Four attempts end before the five seconds that resolvers wait (resolv.conf(5), `timeout`). */
export const DEFAULT_FORWARD_LIMITS: ForwardLimits = {
  attemptTimeoutMs: 1000,
  maxAttempts: 4,
  maxExchanges: 256,
  maxWaiters: 64,
  cacheCapacity: 4096,
};

/** A server, what it is asked for, and whether it answers. */
export interface KnownUpstream {
  /** It is asked for names at and below this; the root for all that no longer suffix has. */
  readonly suffix: DomainName;
  /** Its address and port. */
  readonly server: Endpoint;
  /** Whether it answers. */
  readonly state: UpstreamState;
}

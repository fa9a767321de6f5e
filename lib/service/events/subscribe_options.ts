/**
 * What subscribers may choose, and what they get.
 * @module
 */

import type { Middleware } from "../middleware_chain.ts";

/** What a subscriber may choose. */
export interface SubscribeOptions {
  /** Whether events that were published to be kept come first. */
  readonly includePast?: boolean;
  /** The service that it belongs to: of those with the same one, `one_per_service` reaches one, on a node in turn. */
  readonly group?: string;
  /** How many of the handler's promises may be under way, 1 by default: then events come one after the other. */
  readonly concurrency?: number;
  /** How many events wait meanwhile, 1,024 by default; then the oldest is dropped. */
  readonly queue?: number;
  /** What its events go through, behind that of the node; the first one is outermost. */
  readonly middleware?: readonly Middleware[];
}

/** Where a subscription is live. */
export interface SubscriptionReach {
  /** At how many other nodes: what they publish from now on comes. */
  readonly nodes: number;
  /** The names of nodes that are linked and have not said so within 5 s, or do not let this node hear that. */
  readonly missing: readonly string[];
}

/** What a subscriber holds in hand. */
export interface SubscriptionHandle extends Disposable {
  /**
   * Resolves when the subscription is live at all nodes that are linked now, or after 5 s. What they publish before may be
   * missed; a node that is linked later learns of it on its way in.
   */
  readonly ready: Promise<SubscriptionReach>;
  /** Events that were dropped because the handler was too slow. */
  readonly dropped: number;
  /** Events whose handler has failed. */
  readonly failed: number;
  /** Ends it. Harmless when repeated. */
  unsubscribe(): void;
}

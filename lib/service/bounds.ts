/**
 * What callers and publishers may choose from, and how long calls may take.
 * @module
 */

/**
 * How a provider is chosen: in turn, the one that leads the service, the one with the lowest round trip time, one of
 * this program only, every one, or at random.
 */
export const CALL_MODES = ["round-robin", "leader", "proximity", "local", "all", "random"] as const;

/** One of `CALL_MODES`. */
export type CallMode = typeof CALL_MODES[number];

/**
 * Every subscriber; of those that belong to one service, one; those of this node. Which one is chosen by the patterns
 * that nodes advertise: of a node with more than 512 patterns of services that is not exact, and an event can be lost there.
 */
export const BROADCAST_MODES = ["all", "one_per_service", "local_only"] as const;

/** One of `BROADCAST_MODES`. */
export type BroadcastMode = typeof BROADCAST_MODES[number];

/** How long a call may take unless its caller says, in milliseconds. */
export const DEFAULT_TIMEOUT_MS = 10_000;
/** No call lasts longer: a day. */
export const MAX_TIMEOUT_MS = 86_400_000;

/** How many services of one node others follow. */
export const MAX_NODE_SERVICES = 256;
/** How many subscriptions of one node others follow: all that one advertises, which tells of many patterns by their services. */
export const MAX_NODE_SUBSCRIPTIONS = 1_152;

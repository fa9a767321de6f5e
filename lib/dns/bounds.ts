/**
 * How long records hold.
 * @module
 */

/** How long a record holds when nobody says: as long as those of nodes. */
export const DEFAULT_TTL_SECONDS = 300;
/** How long the names of services and `leader` hold: what they mean may change within seconds. */
export const DEFAULT_SERVICE_TTL_SECONDS = 5;
/** The longest that may be said: a week (RFC 8767 §4). */
export const MAX_TTL_SECONDS = 604_800;

/**
 * How long shards wait.
 * @module
 */

/** How long those that follow let their owner answer without a further sign, in milliseconds. */
export const LEASE_MS = 4_000;
/** How often an owner gives one, in milliseconds. */
export const HEARTBEAT_MS = 500;
/** How long one of its messages may take. */
export const PUSH_TIMEOUT_MS = 2_000;
/** After how long a message is tried again. */
export const PUSH_RETRY_MS = 200;
/** How long a write, or a read behind it, waits for those that follow. */
export const CONFIRM_MS = 8_000;
/** How long an owner that hands a shard over goes on with what it has begun. */
export const HAND_OVER_MS = 1_000;
/** How often the home of a collection looks. */
export const LOOK_MS = 1_000;
/** How long it waits for an answer. */
export const LOOK_TIMEOUT_MS = 1_500;
/** One that follows and is silent for so long does so no more, in milliseconds. */
export const SILENT_MS = 3_000;
/** An owner that does not answer for so long is replaced. */
export const GONE_MS = 5_000;
/** A member that does not answer for so long has its part made elsewhere. */
export const REPLACED_MS = 60_000;
/** How many copies are being made at once for one collection. */
export const MAX_MOVES = 2;
/** How many entries a message holds at most when all are sent. */
export const PAGE_ENTRIES = 500;
/** How many takeovers and moves a copy remembers; who has missed more is sent everything. */
export const MAX_STARTS = 64;
/** How often a node looks whether transactions have left something open, in milliseconds. */
export const RESOLVE_EACH_MS = 1_000;
/** For how long it leaves that to their clients. */
export const RESOLVE_AFTER_MS = 4_000;
/** A part whose record is another collection's, and does not answer for so long, is rolled back. */
export const RESOLVE_FOREIGN_MS = 600_000;
/** The highest generation that a layout has. */
export const MAX_GENERATION: number = 2 ** 48;
/** By how much a generation goes up at once, at most: nobody says one that no later home comes behind. */
export const MAX_GENERATION_STEP = 1_024;

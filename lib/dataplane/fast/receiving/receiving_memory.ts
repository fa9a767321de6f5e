/**
 * What the workers of one interface share to receive: whose turn it is, and the sessions that are received by. 32-bit
 * words, host order.
 *
 * ```
 *   head       who receives, a worker + 1 | tickets that were given | ticket that accepts | ticket that writes
 *              | 1 when the first worker is gone | 1 while packets need nothing but a session | 10 unused
 *   workers    of each: 1 while it has a ticket | its ticket | 1 when it is gone | descriptor that wakes it, 0 for none
 *              | 1 while it is asked to receive | 11 unused (a line of the cache each)
 *   indices    sets of eight: the index at which the peer knows a session | session + 1, 0 for none
 *   sessions   of each: as SESSION says
 * ```
 *
 * Who writes: whoever has the socket the number of tickets given; whoever's ticket it is the next one's turn; a worker
 * its own line, but for its being gone, which the control thread says, and asked, which the first worker does; whoever's
 * ticket accepts the windows of sessions; and the first worker everything else.
 * @module
 */

import { WINDOW_LENGTHS, type WindowMemory } from "../../../wireguard/mod.ts";

/** The most workers of one interface, the first one among them, which has the device. */
export const MAX_WORKERS = 16;
/** Those beyond are the first worker's alone. */
const MAX_SESSIONS = 32_768;

/** Words of the head. */
export const HEAD = { SOCKET: 0, GIVEN: 1, ACCEPTS: 2, WRITES: 3, CLOSED: 4, IS_PLAIN: 5 } as const;
/** Words of a worker's line. */
export const LINE = { HAS_TICKET: 0, TICKET: 1, GONE: 2, WAKE: 3, ASKED: 4 } as const;
/** Words of a session. */
export const SESSION = {
  /** The index at which the peer knows it. */
  INDEX: 0,
  /** 0 where there is none. */
  PATH_MTU: 1,
  /** Of what follows, odd while it is written: where the last datagrams came from that the first worker has opened. */
  VERSION: 2,
  /** 0, 16 or 28 bytes, as the kernel writes it. */
  SOURCE_BYTES: 3,
  SOURCE: 4, // seven words
  /** The address of this host that was called: 0, 4 or 16 bytes. */
  CALLED_BYTES: 11,
  CALLED: 12, // four words
  /** 64-bit floats: the slot of its peer, and when it began, in milliseconds. */
  SLOT: 16,
  CREATED_AT: 18,
  WINDOW_ENDS: 20, // 64-bit floats
  KEY: 24, // eight words
  WINDOW_SEEN: 32,
} as const;

const LINE_WORDS = 16;
const SESSION_WORDS: number = SESSION.WINDOW_SEEN + WINDOW_LENGTHS.seen;
const WORKERS_AT = 16;
const INDICES_AT: number = WORKERS_AT + MAX_WORKERS * LINE_WORDS;
const SETS = 16_384;
/** How many indices a set has. */
export const SET_WAYS = 8;
const SESSIONS_AT: number = INDICES_AT + SETS * SET_WAYS * 2;

/** How many sessions there are in the memory. */
export const SESSIONS: number = MAX_SESSIONS;

/** @returns memory for the workers of an interface; the system gives it as it is used */
export function receivingMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer((SESSIONS_AT + MAX_SESSIONS * SESSION_WORDS) * 4);
}

/** @returns where the line of a worker begins, in words */
export function lineAt(worker: number): number {
  return WORKERS_AT + worker * LINE_WORDS;
}

/** @returns where the set begins that an index is in, in words: indices are random */
export function setAt(index: number): number {
  return INDICES_AT + (index & (SETS - 1)) * SET_WAYS * 2;
}

/** @returns where a session begins, in words */
export function sessionAt(session: number): number {
  return SESSIONS_AT + session * SESSION_WORDS;
}

/** @returns the window of a session */
export function windowOf(memory: SharedArrayBuffer, session: number): WindowMemory {
  const at = sessionAt(session);
  return {
    ends: new Float64Array(memory, (at + SESSION.WINDOW_ENDS) * 4, WINDOW_LENGTHS.ends),
    seen: new Int32Array(memory, (at + SESSION.WINDOW_SEEN) * 4, WINDOW_LENGTHS.seen),
  };
}

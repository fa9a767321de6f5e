/**
 * What the workers of one interface share: which worker has seen what, who has which session, and the sessions that are
 * sent by. 32-bit words, host order.
 *
 * ```
 *   head       epoch | 1 while packets need nothing but a session | how many workers | commands that were given
 *              | commands of which the first worker has shown what they do | 11 unused
 *   workers    of each: epoch it has seen, 0 while it looks at nothing | session of its batch + 1, 0 for none
 *              | least number in that batch | packets that were taken over from it | 12 unused (a line of the cache each)
 *   peers      of each slot: session + 1, 0 for none
 *   sessions   of each: as SESSION says
 * ```
 *
 * Who writes: the control thread how many commands were given; a worker its own line, but for the packets that were taken over, which are the first worker's to say; the
 * first worker everything else; and everybody a session's counter, by compare and exchange.
 * @module
 */

import { MAX_WORKERS } from "../receiving/mod.ts";
import { MAX_PEERS } from "../shared_peer_stats.ts";

/** Those of all peers, and some that are not forgotten yet. */
const MAX_SESSIONS: number = MAX_PEERS + 4096;

/** Words of the head. */
export const HEAD = { EPOCH: 0, IS_PLAIN: 1, WORKERS: 2, GIVEN: 3, SHOWN: 4 } as const;
/** Words of a worker's line. */
export const LINE = { SEEN: 0, BATCH_SESSION: 1, BATCH_LEAST: 2, TAKEN: 3 } as const;
/** Words of a session. */
export const SESSION = {
  COUNTER: 0,
  REMOTE_INDEX: 1,
  /** The path MTU, 0 where there is none, and the endpoint behind it; odd while they are written. */
  VERSION: 2,
  PATH_MTU: 3,
  FAMILY: 4,
  PORT: 5,
  ZONE: 6,
  ADDRESS: 7, // four words
  /** The address of this host to send from: 0, 4 or 16 bytes, and which. */
  LOCAL_BYTES: 11,
  LOCAL: 12, // four words
  /** 64-bit floats: when it began, in milliseconds, and the slot of its peer. */
  CREATED_AT: 16,
  SLOT: 18,
  KEY: 20, // eight words
} as const;

const LINE_WORDS = 16;
const SESSION_WORDS = 32;
const WORKERS_AT = 16;
const PEERS_AT: number = WORKERS_AT + MAX_WORKERS * LINE_WORDS;
const SESSIONS_AT: number = PEERS_AT + MAX_PEERS;

/** A first epoch that is not 0, which stands for none. */
const FIRST_EPOCH = 1;

/** @param workers 2 to `MAX_WORKERS` @returns memory for them; the system gives it as it is used */
export function sharedMemory(workers: number): SharedArrayBuffer {
  const memory = new SharedArrayBuffer((SESSIONS_AT + MAX_SESSIONS * SESSION_WORDS) * 4);
  const words = new Int32Array(memory);
  words[HEAD.EPOCH] = FIRST_EPOCH;
  words[HEAD.WORKERS] = workers;
  return memory;
}

/** How many sessions there are in the memory. */
export const SESSIONS: number = MAX_SESSIONS;

/** @returns where the line of a worker begins, in words */
export function lineAt(worker: number): number {
  return WORKERS_AT + worker * LINE_WORDS;
}

/** @returns where the session of a peer is told, in words; `slot` as in `SharedPeerStats` */
export function peerAt(slot: number): number {
  return PEERS_AT + slot % MAX_PEERS;
}

/** @returns where session `index` begins, in words */
export function sessionAt(index: number): number {
  return SESSIONS_AT + index * SESSION_WORDS;
}

/** Counts a command that the others have, and the first worker is about to get: nobody goes by what was before it. */
export function noteGiven(memory: SharedArrayBuffer): void {
  Atomics.add(new Int32Array(memory), HEAD.GIVEN, 1);
}

/** Clears what a worker has said that is gone: nobody waits for it any more. */
export function forgetWorker(memory: SharedArrayBuffer, worker: number): void {
  const words = new Int32Array(memory);
  Atomics.store(words, lineAt(worker) + LINE.SEEN, 0);
  Atomics.store(words, lineAt(worker) + LINE.BATCH_SESSION, 0);
}

/**
 * Calls for single packets with any nonce and associated data, and for batches of WireGuard's transport messages. The
 * host puts the key to `KEY` before; it is gone when a call returns.
 * @module
 */

import { absorbPadded, beginPacket, finishPacket, openText, otherStream, sealText, setCounter, streamBeside } from "./aead";
import { CHUNK_BYTES, finishPoly1305, loadKey, setNonce } from "./cipher";
import {
  NONCE,
  PAD,
  POLY,
  RESULT,
  SCRATCH_END,
  STREAM,
  TABLE_AT,
  TABLE_COUNTER,
  TABLE_LENGTH,
  TABLE_RESULT,
  TAIL,
} from "./layout";

/** Header and tag of a transport message (WireGuard paper §5.4.6). */
export const HEADER_BYTES: usize = 16;
/** See `HEADER_BYTES`. */
export const TAG_BYTES: usize = 16;

const MAX_COUNTER: f64 = 9_007_199_254_740_991;

/** Encrypts in place with the nonce at `NONCE`; the tag follows the text. */
export function seal(at: usize, length: usize, data: usize, dataLength: usize): void {
  beginSingle(data, dataLength);
  finishPacket(sealText(at, length, length, at, dataLength), at + length);
  wipe();
}

/** Decrypts in place; `length` is without the tag. @returns whether it is authentic; if not, zeroes are written */
export function open(at: usize, length: usize, data: usize, dataLength: usize): bool {
  beginSingle(data, dataLength);
  const isAuthentic = openText(at, length, at, dataLength, STREAM, 0, 0, 0);
  wipe();
  return isAuthentic;
}

function beginSingle(data: usize, dataLength: usize): void {
  loadKey();
  setNonce(load<u32>(NONCE), load<u32>(NONCE, 4), load<u32>(NONCE, 8), 0);
  streamBeside(STREAM, 0, 0);
  beginPacket(STREAM);
  absorbPadded(data, dataLength);
}

/**
 * Seals one message of a batch, once `loadKey` was called, header and tag included; but the tag is written with the next one or by `endSealing`.
 *
 * @param blocks what the call before returned, 0 for the first
 * @param tag where the tag of the message before belongs
 * @returns how many blocks are left to be authenticated
 */
export function sealMessage(
  blocks: usize,
  tag: usize,
  from: usize,
  length: usize,
  padded: usize,
  to: usize,
  remoteIndex: u32,
  counter: u64,
): usize {
  setCounter(counter, 0);
  streamBeside(STREAM, TAIL, blocks);
  if (blocks !== 0) finishPoly1305(PAD, tag);
  beginPacket(STREAM);
  const left = sealText(from, length, padded, to + HEADER_BYTES, 0);
  // Written last: the text may end where this message begins.
  beginMessage(to, remoteIndex, counter);
  return left;
}

@inline
/** Writes the header of a message. */
export function beginMessage(to: usize, remoteIndex: u32, counter: u64): void {
  store<u32>(to, 4);
  store<u32>(to, remoteIndex, 4);
  store<u64>(to, counter, 8);
}

/** Writes the tag of the last message, and clears the key. */
export function endSealing(blocks: usize, tag: usize): void {
  if (blocks !== 0) finishPacket(blocks, tag);
  wipe();
}

/**
 * Seals packets that stand `stride` bytes apart, each in place: 16 bytes before it for the header, 16 behind it for the
 * tag. All but the last are `length` bytes long.
 */
export function sealBatch(
  at: usize,
  stride: usize,
  length: usize,
  lastLength: usize,
  count: usize,
  remoteIndex: u32,
  counter: f64,
): void {
  loadKey();
  let blocks: usize = 0, tag: usize = 0;
  for (let i: usize = 0; i < count; i++) {
    const bytes = i + 1 === count ? lastLength : length;
    blocks = sealMessage(blocks, tag, at, bytes, bytes, at - HEADER_BYTES, remoteIndex, <u64>counter + i);
    tag = at + bytes;
    at += stride;
  }
  endSealing(blocks, tag);
}

/**
 * Opens the messages of the table in place, all by one key. A result is the length of the plaintext, which begins 16
 * bytes into the message, or -1 for one that is not authentic, whose text is then zeroes.
 */
export function openBatch(count: usize): void {
  loadKey();
  let stream = STREAM, isAhead = false;
  for (let i: usize = 0; i < count; i++) {
    if (!isMessage(i)) {
      store<i32>(TABLE_RESULT + (i << 2), -1);
      continue;
    }
    const at: usize = load<u32>(TABLE_AT + (i << 2));
    const text = <usize> load<u32>(TABLE_LENGTH + (i << 2)) - HEADER_BYTES - TAG_BYTES;
    if (!isAhead) {
      setCounter(tableCounter(i), 0);
      streamBeside(stream, 0, 0);
    }
    isAhead = i + 1 < count && isMessage(i + 1);
    const next = isAhead ? otherStream(stream) : 0;
    const counter = tableCounter(i);
    setCounter(counter, <u32> (CHUNK_BYTES >> 6));
    beginPacket(stream);
    const from = at + HEADER_BYTES;
    const nextCounter = isAhead ? tableCounter(i + 1) : 0;
    const isAuthentic = openText(from, text, from, 0, stream, next, counter, nextCounter);
    store<i32>(TABLE_RESULT + (i << 2), isAuthentic ? <i32> text : -1);
    if (isAhead) stream = next;
  }
  wipe();
}

/** Clears the key and what was derived from it. */
function wipe(): void {
  memory.fill(POLY, 0, RESULT - POLY);
  memory.fill(STREAM, 0, SCRATCH_END - STREAM);
}

/** Whether entry `i` may be a message: counters that are no safe integers are never used, and would be rounded. */
function isMessage(i: usize): bool {
  const counter = load<f64>(TABLE_COUNTER + (i << 3));
  return load<i32>(TABLE_LENGTH + (i << 2)) >= <i32> (HEADER_BYTES + TAG_BYTES) &&
    counter >= 0 && counter <= MAX_COUNTER && floor(counter) === counter;
}

@inline
function tableCounter(i: usize): u64 {
  return <u64> load<f64>(TABLE_COUNTER + (i << 3));
}

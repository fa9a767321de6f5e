/**
 * ChaCha20-Poly1305 (RFC 8439 §2.8) over packets. The steps of neighbours in a batch overlap: what is left of one for
 * Poly1305 runs beside the other's first blocks of key stream.
 * @module
 */

import {
  absorbBlocks,
  CHUNK_BYTES,
  encryptChunk,
  finishPoly1305,
  initPoly1305,
  MAX_UNITS,
  setNonce,
  UNIT_BYTES,
} from "./cipher";
import { NEXT_STREAM, PAD, REST, STREAM, TAG, TAIL, ZEROES } from "./layout";

// The first block is Poly1305's key.
const FIRST_BYTES: usize = CHUNK_BYTES - 64;
const MAX_TAKEN_BYTES: usize = MAX_UNITS * UNIT_BYTES;

/** Sets the nonce to four zero bytes and the counter (WireGuard paper §5.4.6), at key stream block `block`. */
export function setCounter(counter: u64, block: u32): void {
  setNonce(0, <u32> counter, <u32> (counter >> 32), block);
}

/** Makes the first key stream of a packet, while Poly1305 takes `blocks` at `absorb`, at most 40. */
export function streamBeside(stream: usize, absorb: usize, blocks: usize): void {
  const units = (blocks << 4) / UNIT_BYTES;
  encryptChunk(ZEROES, stream, absorb, units);
  const taken = units * UNIT_BYTES;
  absorbBlocks(absorb + taken, blocks - (taken >> 4));
}

/** Begins a packet whose first key stream stands at `stream`. */
export function beginPacket(stream: usize): void {
  initPoly1305(stream);
  v128.store(PAD, v128.load(stream, 16));
}

/** Takes associated data, padded with zeroes. */
export function absorbPadded(at: usize, length: usize): void {
  const rest = length & 15;
  absorbBlocks(at, length >> 4);
  if (rest === 0) return;
  copyPadded(at + length - rest, rest, TAIL);
  absorbBlocks(TAIL, 1);
}

/**
 * Encrypts a packet that was begun.
 *
 * @param padded length with the zeroes that are appended to the text, at most 15
 * @param dataLength of the associated data, for the block of lengths
 * @returns how many blocks for Poly1305 are left at `TAIL`, the lengths included; at most 33
 */
export function sealText(from: usize, length: usize, padded: usize, to: usize, dataLength: usize): usize {
  let done: usize = 0, absorbed: usize = 0, stream = STREAM + 64;
  if (length >= FIRST_BYTES) {
    xorRest(from, FIRST_BYTES, FIRST_BYTES, stream, to);
    done = FIRST_BYTES;
    while (length - done >= CHUNK_BYTES) {
      encryptChunk(from + done, to + done, to + absorbed, (done - absorbed) / UNIT_BYTES);
      absorbed = done;
      done += CHUNK_BYTES;
    }
    if (done < padded) {
      encryptChunk(ZEROES, REST, to + absorbed, (done - absorbed) / UNIT_BYTES);
      absorbed = done;
      stream = REST;
    }
  }
  xorRest(from + done, length - done, padded - done, stream, to + done);
  return fillTail(to + absorbed, padded - absorbed, padded, dataLength);
}

/** Computes the tag of a packet whose last `blocks` are at `TAIL`. */
export function finishPacket(blocks: usize, tag: usize): void {
  absorbBlocks(TAIL, blocks);
  finishPoly1305(PAD, tag);
}

/**
 * Decrypts a packet that was begun, and checks it; when it is not authentic, zeroes are written. `from` may be `to`.
 *
 * @param length without the tag, which follows
 * @param stream where its first key stream stands
 * @param next where the first key stream of the packet with `nextCounter` is to be written meanwhile, or 0; only then
 *   the packet's own `counter` matters
 */
export function openText(
  from: usize,
  length: usize,
  to: usize,
  dataLength: usize,
  stream: usize,
  next: usize,
  counter: u64,
  nextCounter: u64,
): bool {
  const whole = length & ~15;
  const tailBlocks = fillTail(from + whole, length - whole, length, dataLength);
  const tag0 = load<u64>(from + length), tag1 = load<u64>(from + length, 8);
  let taken: usize = 0, bytes: usize = 0, done: usize = 0;
  stream += 64;
  // What is decrypted may be overwritten, so Poly1305 stays ahead: it takes more beside a chunk than that has.
  if (next !== 0) {
    setCounter(nextCounter, 0);
    taken = takeOdd(from, taken, whole);
    bytes = unitBytes(whole - taken);
    encryptChunk(ZEROES, next, from + taken, bytes / UNIT_BYTES);
    taken += bytes;
    setCounter(counter, <u32> (CHUNK_BYTES >> 6));
  } else {
    taken = min(whole, FIRST_BYTES);
    absorbBlocks(from, taken >> 4);
  }
  if (length >= FIRST_BYTES) {
    xorRest(from, FIRST_BYTES, FIRST_BYTES, stream, to);
    done = FIRST_BYTES;
    while (length - done >= CHUNK_BYTES) {
      taken = takeOdd(from, taken, whole);
      bytes = unitBytes(whole - taken);
      encryptChunk(from + done, to + done, from + taken, bytes / UNIT_BYTES);
      taken += bytes;
      done += CHUNK_BYTES;
    }
    if (done < length) {
      taken = takeOdd(from, taken, whole);
      bytes = unitBytes(whole - taken);
      encryptChunk(ZEROES, REST, from + taken, bytes / UNIT_BYTES);
      taken += bytes;
      stream = REST;
    }
  }
  xorRest(from + done, length - done, length - done, stream, to + done);
  absorbBlocks(from + taken, (whole - taken) >> 4);
  finishPacket(tailBlocks, TAG);
  // No branch on parts of the tag: all of it counts at once.
  const isAuthentic = ((load<u64>(TAG) ^ tag0) | (load<u64>(TAG, 8) ^ tag1)) === 0;
  if (!isAuthentic) memory.fill(to, 0, length);
  return isAuthentic;
}

/** The key stream of the other of two neighbours. */
export function otherStream(stream: usize): usize {
  return STREAM + NEXT_STREAM - stream;
}

/** What fills no unit goes first once the end is near. @returns how many bytes are taken then */
function takeOdd(from: usize, taken: usize, whole: usize): usize {
  const left = whole - taken, odd = left % UNIT_BYTES;
  if (odd === 0 || left > MAX_TAKEN_BYTES) return taken;
  absorbBlocks(from + taken, odd >> 4);
  return taken + odd;
}

@inline
function unitBytes(left: usize): usize {
  return min(left - left % UNIT_BYTES, MAX_TAKEN_BYTES);
}

/** Encrypts less than a chunk, and zeroes from `length` to `padded`, at most 15. */
function xorRest(from: usize, length: usize, padded: usize, stream: usize, to: usize): void {
  let i: usize = 0;
  for (; i + 16 <= length; i += 16) {
    v128.store(to + i, v128.xor(v128.load(from + i), v128.load(stream + i)));
  }
  for (; i < length; i++) store<u8>(to + i, load<u8>(from + i) ^ load<u8>(stream + i));
  for (; i < padded; i++) store<u8>(to + i, load<u8>(stream + i));
}

/** Puts the last blocks and the block of lengths to `TAIL`. @returns how many blocks these are */
function fillTail(at: usize, length: usize, textLength: usize, dataLength: usize): usize {
  const whole = length & ~15, rest = length & 15;
  let to = TAIL;
  for (let i: usize = 0; i < whole; i += 16) v128.store(TAIL + i, v128.load(at + i));
  to += whole;
  if (rest !== 0) {
    copyPadded(at + whole, rest, to);
    to += 16;
  }
  store<u64>(to, dataLength);
  store<u64>(to, textLength, 8);
  return (to + 16 - TAIL) >> 4;
}

function copyPadded(from: usize, length: usize, to: usize): void {
  v128.store(to, i64x2.splat(0));
  for (let i: usize = 0; i < length; i++) store<u8>(to + i, load<u8>(from + i));
}

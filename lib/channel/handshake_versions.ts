/**
 * Which handshake two ends do. Whoever speaks the first version alone begins with it. Whoever speaks others asks before it
 * begins, and both frames are part of the prologue, so that nobody in between can take a version from either end:
 *
 * ```
 *   initiator                              responder
 *       | -- frame: "weft" | 1 | 3 -----------> |
 *       | <- frame: "weft" | 2 | 5 ------------ |   prologue: "weft channel v3", both frames
 *       | -- frame: e, es, s, ss, hello ------> |
 *
 *   +--------+--------+--------+
 *   | "weft" | oldest | newest |     6 bytes
 *   +--------+--------+--------+
 * ```
 *
 * The responder's frame is its refusal, too, whatever it refuses: so whoever was called by a handshake that it does not
 * speak has told which ones it does.
 *
 * @module
 */

import {
  commonVersion,
  concatBytes,
  equalBytes,
  isVersionRange,
  utf8Bytes,
  type VersionRange,
} from "../base/mod.ts";

/** The handshakes of this release. */
export const HANDSHAKE_VERSIONS: VersionRange = { oldest: 1, newest: 1 };

/** The length of a frame that says versions; the shortest handshake is longer. */
export const VERSIONS_BYTES = 6;

const MAGIC = utf8Bytes("weft");
const MAX_VERSION = 255;

/** How a handshake begins. */
export interface Opening {
  readonly version: number;
  readonly prologue: Uint8Array;
}

/** That of the first version, when nobody has asked. */
export const DIRECT_OPENING: Opening = { version: 1, prologue: prologueOf(1) };

function prologueOf(version: number): Uint8Array {
  return utf8Bytes(`weft channel v${version}`);
}

/** @returns the content of a frame that says which versions an end speaks: 6 bytes */
export function encodeVersions({ oldest, newest }: VersionRange): Uint8Array {
  return concatBytes(MAGIC, Uint8Array.of(oldest, newest));
}

/** Never throws. @returns the versions, or undefined when the frame says something else */
export function decodeVersions(frame: Uint8Array): VersionRange | undefined {
  if (frame.length !== VERSIONS_BYTES || !equalBytes(frame.subarray(0, MAGIC.length), MAGIC)) {
    return undefined;
  }
  const range = { oldest: frame[4] ?? 0, newest: frame[5] ?? 0 };
  return isVersionRange(range, MAX_VERSION) ? range : undefined;
}

/** @returns how both ends begin after one has asked; undefined when they have no version in common */
export function agreedOpening(question: Uint8Array, answer: Uint8Array): Opening | undefined {
  const [asked, answered] = [decodeVersions(question), decodeVersions(answer)];
  const version = asked && answered && commonVersion(asked, answered);
  if (version === undefined) return undefined;
  return { version, prologue: concatBytes(prologueOf(version), question, answer) };
}

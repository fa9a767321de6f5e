/**
 * The message with a digest, by hand: it is most of what is sent while nothing changes, and the only one that is always
 * the same but for two fields. The bytes are those that the generated code makes of it.
 * @module
 */

import { WIRE_BYTES, WireReader, WireWriter } from "../../proto/mod.ts";
import { unixMillis } from "../../base/mod.ts";
import { BUCKETS, type Digest, FINGERPRINT_BYTES } from "../versions/mod.ts";

// The numbers of the fields in `mesh.proto`.
const DIGEST_FIELD = 4;
const FINGERPRINTS_FIELD = 1;
const WALL_TIME_FIELD = 2;
const DIGEST_TAG = DIGEST_FIELD * 8 + WIRE_BYTES;

const writer = new WireWriter();

/** @returns the whole message */
export function encodeDigestMessage({ fingerprints, wallTime }: Digest): Uint8Array {
  writer.uint(WALL_TIME_FIELD, wallTime);
  writer.bytes(FINGERPRINTS_FIELD, fingerprints);
  writer.message(DIGEST_FIELD, 0);
  return writer.finish();
}

/** @returns the digest, a view of `bytes`, or undefined when they are not exactly what `encodeDigestMessage` makes */
export function decodeDigestMessage(bytes: Uint8Array): Digest | undefined {
  if (bytes[0] !== DIGEST_TAG) return undefined;
  const message = new WireReader(bytes);
  message.field();
  const reader = message.message();
  const fingerprints = reader.field() === FINGERPRINTS_FIELD ? reader.bytes() : undefined;
  const wallTime = reader.field() === WALL_TIME_FIELD ? reader.uint() : undefined;
  const isWhole = reader.field() === 0 && message.field() === 0 && !reader.isBroken && !message.isBroken;
  if (!isWhole || fingerprints?.length !== BUCKETS * FINGERPRINT_BYTES || wallTime === undefined) {
    return undefined;
  }
  return { fingerprints, wallTime: unixMillis(wallTime) };
}

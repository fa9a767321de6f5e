/**
 * Protobuf messages to bytes and back, strictly and within bounds.
 * @module
 */

import {
  create,
  type DescMessage,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { countItems } from "./item_bound.ts";

/** The longest message that is decoded unless the caller says otherwise. */
const MAX_MESSAGE_BYTES = 1 << 20;

/** So many messages and elements of lists any message may hold. It takes about a millisecond to make them. */
const MIN_ITEMS = 4_096;
/** Longer ones may hold one more for so many bytes: what is signed or names a node has more. */
const ITEM_BYTES = 16;

/** The fields of a message that differ from their defaults. */
export type MessageFields<Desc extends DescMessage> = MessageInitShape<Desc>;

/**
 * @param schema a generated schema
 * @param fields what differs from the defaults
 * @returns the wire format
 */
export function encodeMessage<Desc extends DescMessage>(
  schema: Desc,
  fields: MessageFields<Desc>,
): Uint8Array {
  return toBinary(schema, create(schema, fields));
}

/**
 * Never throws; unknown fields are left out of the result. What is empty costs a hundred times its bytes when it is made,
 * so that it is counted before.
 *
 * @param schema a generated schema
 * @param maxBytes longer input is not looked at
 * @param maxItems how many messages, entries of maps and elements of lists it may hold at all depths; by default 4,096,
 *   or one for 16 bytes if that is more
 * @returns the message, or undefined when `bytes` are not one
 */
export function decodeMessage<Desc extends DescMessage>(
  schema: Desc,
  bytes: Uint8Array,
  maxBytes: number = MAX_MESSAGE_BYTES,
  maxItems: number = Math.max(MIN_ITEMS, bytes.length / ITEM_BYTES),
): MessageShape<Desc> | undefined {
  if (bytes.length > maxBytes) return undefined;
  // Each takes two bytes at least; a byte may be a number of a packed list.
  if (bytes.length > maxItems && countItems(schema, bytes, maxItems) > maxItems) return undefined;
  try {
    return fromBinary(schema, bytes, { readUnknownFields: false });
  } catch {
    return undefined;
  }
}

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

/** The longest message that is decoded unless the caller says otherwise. */
const MAX_MESSAGE_BYTES = 1 << 20;

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
 * Never throws; unknown fields are left out of the result.
 *
 * @param schema a generated schema
 * @param maxBytes longer input is not looked at
 * @returns the message, or undefined when `bytes` are not one
 */
export function decodeMessage<Desc extends DescMessage>(
  schema: Desc,
  bytes: Uint8Array,
  maxBytes: number = MAX_MESSAGE_BYTES,
): MessageShape<Desc> | undefined {
  if (bytes.length > maxBytes) return undefined;
  try {
    return fromBinary(schema, bytes, { readUnknownFields: false });
  } catch {
    return undefined;
  }
}

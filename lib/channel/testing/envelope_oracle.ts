/**
 * Envelopes by the generated schema, for the tests of this folder.
 * @module
 */

import { concatBytes } from "../../base/mod.ts";
import { decodeMessage, encodeMessage, type Envelope, EnvelopeSchema } from "../../proto/mod.ts";

/** One kind of envelope with its fields, as the generated schema has it. */
export type EnvelopeContent = NonNullable<Parameters<typeof encodeMessage<typeof EnvelopeSchema>>[1]["kind"]>;

/** @returns the envelope with its length before it */
export function encodeEnvelope(kind: EnvelopeContent): Uint8Array {
  const bytes = encodeMessage(EnvelopeSchema, { kind });
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, bytes.length);
  return concatBytes(length, bytes);
}

/** @returns the content, or undefined when the schema rejects the bytes */
export function decodeEnvelope(bytes: Uint8Array): Envelope["kind"] | undefined {
  return decodeMessage(EnvelopeSchema, bytes, bytes.length)?.kind;
}

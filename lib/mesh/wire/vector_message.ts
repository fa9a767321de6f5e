/**
 * Encoding the message with a vector, by hand: it names a sixty-fourth of all that is known, or more, to find the few things
 * that differ. The bytes are those that the generated code makes of it, by which it is decoded.
 * @module
 */

import { WireWriter } from "../../proto/mod.ts";
import { idBytes } from "../identity/mod.ts";
import type { Vector } from "../versions/mod.ts";

// The numbers of the fields in `mesh.proto`.
const VECTOR_FIELD = 5;
const VECTOR = { first: 1, last: 2, origins: 3 };
const ORIGIN = { origin: 1, slots: 2 };
const SLOT = { slot: 1, version: 2, mark: 3, isFinal: 4 };

const writer = new WireWriter();

/** @returns the whole message */
export function encodeVectorMessage({ range, origins }: Vector): Uint8Array {
  for (let i = origins.length - 1; i >= 0; i--) {
    const { origin, slots } = origins[i] as Vector["origins"][number];
    const originEnd = writer.length;
    for (let j = slots.length - 1; j >= 0; j--) {
      const { slot, version, mark, isFinal } = slots[j] as (typeof slots)[number];
      const slotEnd = writer.length;
      writer.bool(SLOT.isFinal, isFinal);
      writer.fixed64Bits(SLOT.mark, mark);
      writer.uint(SLOT.version, version);
      writer.string(SLOT.slot, slot);
      writer.message(ORIGIN.slots, slotEnd);
    }
    writer.bytes(ORIGIN.origin, idBytes(origin));
    writer.message(VECTOR.origins, originEnd);
  }
  if (range !== undefined) {
    writer.bytes(VECTOR.last, idBytes(range.last as Vector["origins"][number]["origin"]));
    writer.bytes(VECTOR.first, idBytes(range.first as Vector["origins"][number]["origin"]));
  }
  writer.message(VECTOR_FIELD, 0);
  return writer.finish();
}

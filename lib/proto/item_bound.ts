/**
 * Counting what a protobuf message holds before anything of it is made: two bytes can ask for an object.
 * @module
 */

import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { WireReader } from "./wire_reader.ts";

/** A shape has a field of a kind that makes objects; what is not in it costs no more than its bytes. */
interface CountedField {
  /** Of a message, and of a map's entries. */
  readonly inside: DescMessage | undefined;
  /** Each byte may be one more number. */
  readonly isPacked: boolean;
}

/** By the number of the field. */
type Shape = readonly (CountedField | undefined)[];

const shapes = new WeakMap<DescMessage, Shape>();

/**
 * Goes through a message without making anything.
 * @returns the number of messages, entries of maps and elements of lists in it, at any depth; stops above `limit`, and
 *   gives Infinity for what is malformed
 */
export function countItems(schema: DescMessage, bytes: Uint8Array, limit: number): number {
  return count(schema, new WireReader(bytes), limit);
}

function count(schema: DescMessage, reader: WireReader, limit: number): number {
  const shape = shapeOf(schema);
  let items = 0;
  for (let number = reader.field(); number !== 0; number = reader.field()) {
    const field = shape[number];
    if (field?.inside !== undefined) {
      const inside = reader.message();
      items += 1 + count(field.inside, inside, limit - items);
      reader.join(inside);
    } else if (field?.isPacked && reader.isBytes) items += reader.bytes().length;
    else {
      if (field !== undefined) items++;
      reader.skip();
    }
    if (items > limit) break;
  }
  return reader.isBroken ? Infinity : items;
}

function shapeOf(schema: DescMessage): Shape {
  const known = shapes.get(schema);
  if (known !== undefined) return known;
  const shape: (CountedField | undefined)[] = [];
  for (const field of schema.fields) shape[field.number] = countedField(field);
  shapes.set(schema, shape);
  return shape;
}

function countedField(field: DescField): CountedField | undefined {
  switch (field.fieldKind) {
    case "message":
      return { inside: field.message, isPacked: false };
    case "map":
      // An entry holds one key and one value; a message in it is counted by whoever has such maps.
      return { inside: undefined, isPacked: false };
    case "list": {
      const inside = field.listKind === "message" ? field.message : undefined;
      const isText = field.listKind === "scalar" &&
        (field.scalar === ScalarType.STRING || field.scalar === ScalarType.BYTES);
      return { inside, isPacked: inside === undefined && !isText };
    }
    default:
      return undefined;
  }
}

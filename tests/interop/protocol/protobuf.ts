/**
 * Protobuf (proto3) by the text of its files: what stands in `proto` is all that this knows of messages.
 * @module
 */

/** A message as an object: fields by their names in the file, maps as lists of `key` and `value`; zero may be left out. */
// deno-lint-ignore no-explicit-any -- Which fields a message has, its file says.
export type Message = Record<string, any>;

interface Field {
  readonly name: string;
  readonly number: number;
  readonly type: string;
  readonly isRepeated: boolean;
}

const FIELD = /(repeated )?(?:map<(\w+), (\w+)>|(\w+)) (\w+) = (\d+);/g;

/** The messages of one file. */
export class Schema {
  readonly #messages = new Map<string, readonly Field[]>();

  /** @param text of a `.proto` file */
  constructor(text: string) {
    const plain = text.replaceAll(/\/\/.*/g, "").replaceAll(/oneof \w+ \{([^}]*)\}/g, "$1");
    for (const [, name = "", body = ""] of plain.matchAll(/message (\w+) \{([^}]*)\}/g)) {
      this.#messages.set(name, [...body.matchAll(FIELD)].map((match) => this.#field(match)));
    }
  }

  /** @returns the bytes of a message of that name */
  encode(name: string, message: Message): Uint8Array<ArrayBuffer> {
    const out: number[] = [];
    for (const field of this.#fields(name)) {
      const value = message[field.name];
      if (value === undefined) continue;
      for (const each of field.isRepeated ? value : [value]) this.#write(out, field, each);
    }
    return Uint8Array.from(out);
  }

  /** @returns the message of that name; unknown fields are left out @throws Error when it is malformed */
  decode(name: string, bytes: Uint8Array): Message {
    const fields = new Map(this.#fields(name).map((field) => [field.number, field]));
    const reader = new Reader(bytes);
    const message: Message = {};
    while (!reader.isAtEnd) {
      const tag = Number(reader.varint());
      const raw = reader.value(tag & 7);
      const field = fields.get(tag >>> 3);
      if (field === undefined) continue;
      if (!field.isRepeated) message[field.name] = this.#read(field, raw);
      else (message[field.name] ??= []).push(...this.#items(field, raw));
    }
    return message;
  }

  #field([, repeated, key, value, type = "", name = "", number]: RegExpMatchArray): Field {
    if (key === undefined) return { name, number: Number(number), type, isRepeated: repeated !== undefined };
    const entry = `${key}, ${value}`;
    const fields = [["key", key], ["value", value]].map(([name = "", type = ""], i) => ({
      name,
      number: i + 1,
      type,
      isRepeated: false,
    }));
    this.#messages.set(entry, fields);
    return { name, number: Number(number), type: entry, isRepeated: true };
  }

  #fields(name: string): readonly Field[] {
    const fields = this.#messages.get(name);
    if (fields === undefined) throw new Error(`There is no message ${name}`);
    return fields;
  }

  #write(out: number[], { type, number }: Field, value: unknown): void {
    const bytes = type === "bytes"
      ? value as Uint8Array
      : type === "string"
      ? new TextEncoder().encode(value as string)
      : this.#messages.has(type)
      ? this.encode(type, value as Message)
      : undefined;
    if (bytes !== undefined) {
      writeVarint(out, BigInt(number << 3 | 2));
      writeVarint(out, BigInt(bytes.length));
      for (const byte of bytes) out.push(byte);
    } else if (type === "fixed64") {
      writeVarint(out, BigInt(number << 3 | 1));
      out.push(...new Uint8Array(BigUint64Array.of(BigInt(value as number)).buffer));
    } else {
      writeVarint(out, BigInt(number << 3));
      writeVarint(out, BigInt(value as number));
    }
  }

  /** Numbers come packed. */
  #items(field: Field, raw: bigint | Uint8Array): unknown[] {
    const { type } = field;
    if (typeof raw === "bigint" || type === "bytes" || type === "string" || this.#messages.has(type)) {
      return [this.#read(field, raw)];
    }
    const reader = new Reader(raw);
    const items: unknown[] = [];
    while (!reader.isAtEnd) items.push(Number(reader.varint()));
    return items;
  }

  #read({ type }: Field, raw: bigint | Uint8Array): unknown {
    if (typeof raw === "bigint") return type === "fixed64" ? raw : Number(raw);
    if (type === "string") return new TextDecoder("utf-8", { fatal: true }).decode(raw);
    return type === "bytes" ? raw : this.decode(type, raw);
  }
}

/** @returns the messages of `proto/weft/PART/v1/PART.proto` */
export function schemaOf(part: "channel" | "mesh" | "service"): Schema {
  return new Schema(
    Deno.readTextFileSync(new URL(`../../../proto/weft/${part}/v1/${part}.proto`, import.meta.url)),
  );
}

class Reader {
  #at = 0;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  varint(): bigint {
    for (let value = 0n, shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#take(1)[0] as number;
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
    throw new Error("A number does not end");
  }

  value(wireType: number): bigint | Uint8Array {
    if (wireType === 0) return this.varint();
    if (wireType === 2) return this.#take(Number(this.varint()));
    if (wireType !== 1) throw new Error(`A field is of the type ${wireType}`);
    const eight = this.#take(8);
    return new DataView(eight.buffer, eight.byteOffset).getBigUint64(0, true);
  }

  #take(length: number): Uint8Array {
    const end = this.#at + length;
    if (end > this.#bytes.length) throw new Error("A message ends early");
    const taken = this.#bytes.slice(this.#at, end);
    this.#at = end;
    return taken;
  }
}

function writeVarint(out: number[], value: bigint): void {
  for (; value > 127n; value >>= 7n) out.push(Number(value & 127n) | 128);
  out.push(Number(value));
}

/**
 * Writing values that JSON does not say exactly. Here is said what can't be sent at all, and where in the value that is.
 * @module
 */

import { isPlainObject, MAX_ELEMENTS, setOwn } from "./exact_json.ts";
import { BYTES_KINDS, isMarkName, LENGTH_BYTES, MAX_BIGINT_DIGITS } from "./extended_json.ts";
import { MAX_DEPTH } from "./json_bound.ts";
import { ValuePath } from "./value_path.ts";

/**
 * @returns the value's bytes
 * @throws UnsendableError when there is something in it that can't be sent
 */
export function encodeExtended(value: unknown): Uint8Array {
  const marker = new Marker();
  const head = new TextEncoder().encode(JSON.stringify(marker.mark(value)));
  const out = new Uint8Array(LENGTH_BYTES + head.length + marker.byteLength);
  new DataView(out.buffer).setUint32(0, head.length);
  out.set(head, LENGTH_BYTES);
  let at = LENGTH_BYTES + head.length;
  for (const part of marker.parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** Copies a value into what JSON says exactly, and collects the bytes. */
class Marker {
  readonly parts: Uint8Array[] = [];
  byteLength = 0;
  readonly #path = new ValuePath();
  readonly #outer = new Set<object>();
  #elements = 0;

  mark(value: unknown): unknown {
    switch (typeof value) {
      case "string":
      case "boolean":
        return value;
      case "number":
        if (Object.is(value, -0)) return { $number: "-0" };
        return Number.isFinite(value) ? value : { $number: String(value) };
      case "undefined":
        return { $undefined: 0 };
      case "bigint":
        return this.#markBigint(value);
      case "object":
        return value === null ? null : this.#markObject(value);
      default:
        throw this.#path.refuse(`a ${typeof value}`);
    }
  }

  #markBigint(value: bigint): unknown {
    const text = value.toString(16);
    if (text.length <= MAX_BIGINT_DIGITS) return { $bigint: text };
    throw this.#path.refuse(`a bigint of more than ${4 * MAX_BIGINT_DIGITS} bits`);
  }

  #markObject(value: object): unknown {
    if (this.#outer.has(value)) throw this.#path.refuse("an object that it is in");
    if (this.#outer.size === MAX_DEPTH) throw this.#path.tooDeep();
    this.#outer.add(value);
    const marked = this.#markInside(value);
    this.#outer.delete(value);
    return marked;
  }

  #markInside(value: object): unknown {
    if (Array.isArray(value)) return this.#markItems(value, value.length, (i) => this.#path.enterIndex(i));
    if (value instanceof Map && isOf(value, Map)) {
      return { $map: this.#markEntries(value) };
    }
    if (value instanceof Set && isOf(value, Set)) {
      return { $set: this.#markItems([...value], value.size, () => this.#path.enterElement()) };
    }
    if (value instanceof Date && isOf(value, Date)) {
      const ms = value.getTime();
      return { $date: Number.isNaN(ms) ? null : ms };
    }
    return this.#markBytes(value) ?? this.#markPlain(value);
  }

  #markItems(items: readonly unknown[], length: number, enter: (i: number) => void): unknown[] {
    this.#count(length);
    const out: unknown[] = [];
    for (let i = 0; i < length; i++) {
      enter(i);
      out.push(this.mark(items[i]));
      this.#path.leave();
    }
    return out;
  }

  #markEntries(map: ReadonlyMap<unknown, unknown>): unknown[] {
    this.#count(2 * map.size);
    const out: unknown[] = [];
    for (const [key, value] of map) {
      this.#path.enterKey();
      out.push(this.mark(key));
      this.#path.leave();
      this.#path.enterValue(key);
      out.push(this.mark(value));
      this.#path.leave();
    }
    return out;
  }

  /** @returns undefined when it has no bytes; of a subclass, such as Buffer, what it is to others */
  #markBytes(value: object): unknown {
    const bytes = viewOf(value);
    if (bytes === undefined) return undefined;
    const name = (value as { readonly [Symbol.toStringTag]: string })[Symbol.toStringTag];
    if (!BYTES_KINDS.has(name)) return undefined;
    this.parts.push(bytes);
    this.byteLength += bytes.length;
    return { [`$${name}`]: bytes.length };
  }

  #markPlain(value: object): unknown {
    if (!isPlainObject(value) && !isForeignPlain(value)) throw this.#path.refuse(kindOf(value));
    const out: Record<string, unknown> = {};
    const keys = Object.keys(value);
    this.#count(keys.length);
    for (const key of keys) {
      this.#path.enterProperty(key);
      setOwn(out, key, this.mark((value as Readonly<Record<string, unknown>>)[key]));
      this.#path.leave();
    }
    return keys.length === 1 && isMarkName(keys[0]) ? { $: out } : out;
  }

  #count(elements: number): void {
    this.#elements += elements;
    if (this.#elements > MAX_ELEMENTS) throw this.#path.tooMany(MAX_ELEMENTS);
  }
}

/** Whether it is no instance of a class that extends this one, which would come as something else. */
function isOf(value: object, kind: { readonly prototype: object }): boolean {
  return Object.getPrototypeOf(value) === kind.prototype;
}

/** An object of another realm, such as that of a test runner. */
function isForeignPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, "isPrototypeOf");
}

function viewOf(value: object): Uint8Array | undefined {
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  return value instanceof ArrayBuffer ? new Uint8Array(value) : undefined;
}

/** Says what an object is that can't be sent, in words that are safe in a log. */
function kindOf(value: object): string {
  if (value instanceof Error) return "an Error (send what it says)";
  const name: unknown = value.constructor?.name;
  return typeof name === "string" && /^[\w$]{1,64}$/.test(name)
    ? `an instance of ${name}`
    : "an instance of a class";
}

/**
 * Values that JSON says exactly: null, texts, booleans, finite numbers but -0, arrays, and plain objects of them. What
 * comes back of their text is the same. This is asked of every value that is sent, so it makes nothing for a part of it.
 * @module
 */

import { MAX_DEPTH, MAX_OBJECTS } from "./json_bound.ts";

/** A value of more elements is not looked through: it is too long, or one that holds the same thing a million times. */
export const MAX_ELEMENTS: number = 1 << 20;

/** @returns whether JSON says the value exactly, and it is no deeper than others take */
export function isExactJson(value: unknown): boolean {
  return typeof value === "object" && value !== null
    ? new ExactJsonTest().isExact(value, MAX_DEPTH)
    : isExactScalar(value);
}

/** By a subtraction, since infinities and what is no number have none with themselves. */
function isExactScalar(value: unknown): boolean {
  if (typeof value === "number") return value === 0 ? 1 / value > 0 : value - value === 0;
  return typeof value === "string" || typeof value === "boolean" || value === null;
}

/** Looks at one value. */
class ExactJsonTest {
  /** How many elements may still come. */
  #elementsLeft = MAX_ELEMENTS;

  /** The tests of scalars are written out: a call for each property would cost three times as much. */
  isExact(outer: object, depth: number): boolean {
    if (depth === 0) return false;
    if (Array.isArray(outer)) {
      if ((this.#elementsLeft -= outer.length) < 0) return false;
      for (let i = 0; i < outer.length; i++) {
        const value: unknown = outer[i];
        if (typeof value === "string" || typeof value === "boolean" || value === null) continue;
        if (typeof value === "number") {
          if (value === 0 ? 1 / value > 0 : value - value === 0) continue;
          return false;
        }
        if (typeof value !== "object" || !this.isExact(value, depth - 1)) return false;
      }
      return true;
    }
    if (!isPlainObject(outer) || --this.#elementsLeft < 0) return false;
    for (const key in outer) {
      const value = (outer as Readonly<Record<string, unknown>>)[key];
      if (typeof value === "string" || typeof value === "boolean" || value === null) continue;
      if (typeof value === "number") {
        if (value === 0 ? 1 / value > 0 : value - value === 0) continue;
        return false;
      }
      if (typeof value !== "object" || !this.isExact(value, depth - 1)) return false;
    }
    return true;
  }
}

/** Whether it is no instance of a class. */
export function isPlainObject(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** Stands for what was not copied: JSON does not say it exactly, or perhaps in more bytes than there may be. */
export const NOT_COPIED: unique symbol = Symbol("not copied");

/** The most that one character of a text, a number and what is around an element take in JSON. */
const CHARACTER_BYTES = 6;
const SCALAR_BYTES = 28;

/**
 * What reading the JSON text of a value would give, at a fifth of its cost.
 * @param maxBytes how long the text may be
 * @returns a copy, or `NOT_COPIED`
 */
export function copyExactJson(value: unknown, maxBytes: number): unknown {
  return new ExactJsonCopy(maxBytes).copy(value, MAX_DEPTH);
}

/** Copies one value. */
class ExactJsonCopy {
  /** How many bytes and objects may still come. */
  #bytesLeft: number;
  #objectsLeft = MAX_OBJECTS;

  constructor(maxBytes: number) {
    this.#bytesLeft = maxBytes;
  }

  copy(value: unknown, depth: number): unknown {
    this.#bytesLeft -= typeof value === "string"
      ? SCALAR_BYTES + CHARACTER_BYTES * value.length
      : SCALAR_BYTES;
    if (this.#bytesLeft < 0) return NOT_COPIED;
    if (typeof value !== "object" || value === null) return isExactScalar(value) ? value : NOT_COPIED;
    if (depth === 0) return NOT_COPIED;
    if (Array.isArray(value)) {
      if (value.length > this.#bytesLeft) return NOT_COPIED;
      const out: unknown[] = [];
      for (let i = 0; i < value.length; i++) {
        const copy = this.copy(value[i], depth - 1);
        if (copy === NOT_COPIED) return NOT_COPIED;
        out.push(copy);
      }
      return out;
    }
    if (!isPlainObject(value) || --this.#objectsLeft < 0) return NOT_COPIED;
    const out: Record<string, unknown> = {};
    for (const key in value) {
      this.#bytesLeft -= CHARACTER_BYTES * key.length;
      const copy = this.copy((value as Readonly<Record<string, unknown>>)[key], depth - 1);
      if (copy === NOT_COPIED) return NOT_COPIED;
      setOwn(out, key, copy);
    }
    return out;
  }
}

/** Sets a property as reading JSON does: what is called `__proto__` is a property as any other. */
export function setOwn(object: Record<string, unknown>, key: string, value: unknown): void {
  if (key !== "__proto__") object[key] = value;
  else {
    Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
  }
}

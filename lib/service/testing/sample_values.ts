/**
 * Values of all kinds that programs send, and what becomes of them, here and elsewhere alike.
 * @module
 */

import { MAX_DEPTH } from "../wire/json_bound.ts";

/** A value and what whoever gets it has then; the same unless it says so. */
export interface SampleValue {
  readonly what: string;
  /** Makes it anew, since whoever gets it may change it. */
  readonly value: () => unknown;
  readonly becomes?: () => unknown;
}

/** A value that can't be sent, and where in it the reason is said to be. */
export interface RefusedValue {
  readonly what: string;
  readonly value: () => unknown;
  readonly says: RegExp;
  /** `InvalidParams` or `InvalidResult` unless it is too large. */
  readonly isTooLarge?: boolean;
}

/** @returns an object, or an array, so deep */
export function nested(depth: number, wrap: (inner: unknown) => unknown): unknown {
  let value: unknown = 1;
  for (let i = 0; i < depth; i++) value = wrap(value);
  return value;
}

/** An object with a property as JSON makes it, which is no prototype. */
function withProto(): unknown {
  return JSON.parse('{"a":1,"__proto__":{"polluted":true}}');
}

/** What is carried. */
export const SAMPLE_VALUES: readonly SampleValue[] = [
  { what: "undefined", value: () => undefined },
  { what: "null", value: () => null },
  { what: "false", value: () => false },
  { what: "0", value: () => 0 },
  { what: "-0", value: () => -0 },
  { what: "NaN", value: () => NaN },
  { what: "-Infinity", value: () => -Infinity },
  { what: "the least number", value: () => Number.MIN_VALUE },
  { what: "the empty text", value: () => "" },
  { what: "a text of all planes, and half a pair", value: () => "naïve 加 🜚 \ud83d \u0000 \u2028" },
  { what: "a bigint", value: () => 2n ** 200n },
  { what: "a negative bigint in an object", value: () => ({ cents: -7n }) },
  { what: "a Date", value: () => new Date(1_700_000_000_123) },
  { what: "an invalid Date in an array", value: () => [new Date(NaN)] },
  { what: "bytes", value: () => Uint8Array.of(0, 255) },
  { what: "no bytes", value: () => new Uint8Array(0) },
  { what: "bytes in an object", value: () => ({ name: "a.png", data: Uint8Array.of(1, 2), more: [] }) },
  {
    what: "a part of a buffer",
    value: () => [new Uint8Array(8).fill(7).subarray(3, 5)],
    becomes: () => [Uint8Array.of(7, 7)],
  },
  { what: "an ArrayBuffer", value: () => Uint8Array.of(1, 2, 3).buffer },
  {
    what: "a DataView",
    value: () => [new DataView(Uint8Array.of(1, 2, 3).buffer, 1)],
    becomes: () => [new DataView(Uint8Array.of(2, 3).buffer)],
  },
  {
    what: "typed arrays",
    value:
      () => [Float64Array.of(0.1, -0), Int16Array.of(-2), BigUint64Array.of(9n), Uint8ClampedArray.of(3)],
  },
  { what: "a Map", value: () => new Map<unknown, unknown>([["a", 1], [2, { b: new Set([3]) }], [NaN, -0]]) },
  { what: "a Map of objects", value: () => new Map([[{ x: 1 }, [undefined]]]) },
  { what: "a Set", value: () => new Set<unknown>(["a", 1, null, undefined]) },
  { what: "empty collections", value: () => ({ map: new Map(), set: new Set(), list: [], object: {} }) },
  { what: "an undefined property", value: () => ({ a: undefined, b: 1 }) },
  { what: "undefined in an array", value: () => [undefined, 1] },
  { what: "an array with a hole", value: () => [1, , 3], becomes: () => [1, undefined, 3] },
  {
    what: "an object without a prototype",
    value: () => Object.assign(Object.create(null), { a: 1 }),
    becomes: () => ({ a: 1 }),
  },
  { what: "a property __proto__", value: withProto },
  { what: "a property __proto__ beside a bigint", value: () => [withProto(), 1n] },
  {
    what: "properties called as methods are",
    value: () => ({ constructor: 1, toString: "x", hasOwnProperty: null }),
  },
  { what: "properties that are numbers", value: () => ({ b: 1n, 2: "x", 1: "y" }) },
  { what: "what looks like a mark", value: () => ({ $bigint: "ff" }) },
  {
    what: "what looks like marks, beside one",
    value: () => [1n, { $bigint: "ff" }, { $: { $: 1 } }, { $: 1, a: 2 }, { $x: undefined }],
  },
  { what: "one object twice", value: () => ((one) => ({ a: one, b: one }))({ n: 1 }) },
  {
    what: "a record of many kinds",
    value: () => ({
      id: 7n,
      at: new Date(0),
      tags: new Set(["a"]),
      raw: Uint8Array.of(1),
      note: undefined,
      sum: 1.5,
    }),
  },
  { what: "as deep as it may be", value: () => nested(MAX_DEPTH, (inner) => [inner]) },
  { what: "Maps as deep as they may be", value: () => nested(MAX_DEPTH, (inner) => new Map([[0, inner]])) },
  { what: "a long text", value: () => "x".repeat(300_000) },
  { what: "many bytes beside a bigint", value: () => ({ n: 1n, data: new Uint8Array(2 << 20).fill(3) }) },
];

class Order {
  id = 1;
}

/** What is not. */
export const REFUSED_VALUES: readonly RefusedValue[] = [
  { what: "a function", value: () => () => 1, says: /it is a function/ },
  { what: "a symbol", value: () => [Symbol("x")], says: /\[0\] is a symbol/ },
  { what: "a method", value: () => ({ items: [{}, { run() {} }] }), says: /items\[1\]\.run is a function/ },
  { what: "a method toJSON", value: () => ({ toJSON: () => 1 }), says: /toJSON is a function/ },
  {
    what: "an instance of a class",
    value: () => ({ order: new Order() }),
    says: /order is an instance of Order/,
  },
  {
    what: "an instance of a class that extends Map",
    value: () => new (class Bag extends Map {})(),
    says: /it is an instance of Bag/,
  },
  {
    what: "an Error",
    value: () => ({ "the cause": new RangeError("x") }),
    says: /\["the cause"\] is an Error/,
  },
  { what: "a RegExp", value: () => new Map([["a", /x/]]), says: /\.get\("a"\) is an instance of RegExp/ },
  {
    what: "a Promise",
    value: () => ({ later: Promise.resolve(1) }),
    says: /later is an instance of Promise/,
  },
  { what: "a boxed number", value: () => [Object(1)], says: /\[0\] is an instance of Number/ },
  { what: "a WeakMap", value: () => new Set([new WeakMap()]), says: /<element> is an instance of WeakMap/ },
  {
    what: "an object that is in itself",
    value: () => ((a: unknown[]) => (a.push({ a }), a))([]),
    says: /\[0\]\.a is an object that it is in/,
  },
  {
    what: "a getter that throws",
    value: () =>
      Object.defineProperty({}, "x", {
        enumerable: true,
        get: () => {
          throw new Error("secret");
        },
      }),
    says: /reading it has failed/,
  },
  {
    what: "a bigint without end",
    value: () => 1n << 70_000n,
    says: /it is a bigint of more than 65536 bits/,
  },
  {
    what: "what is too deep",
    value: () => nested(MAX_DEPTH + 1, (inner) => [inner]),
    says: /too deep/,
    isTooLarge: true,
  },
  {
    what: "Maps that are too deep",
    value: () => nested(MAX_DEPTH + 1, (inner) => new Map([[0, inner]])),
    says: /too deep/,
    isTooLarge: true,
  },
  {
    what: "too many objects",
    value: () => Array.from({ length: 32_769 }, () => ({})),
    says: /more than 32768 objects/,
    isTooLarge: true,
  },
  {
    what: "too long a text",
    value: () => "x".repeat((1 << 20) + 1),
    says: /limit of structured values/,
    isTooLarge: true,
  },
  {
    what: "too many bytes",
    value: () => new Uint8Array((16 << 20) + 1),
    says: /the limit is 16777216/,
    isTooLarge: true,
  },
  {
    what: "an array that holds itself a million times",
    value: () => nested(40, (inner) => [inner, inner]),
    says: /more than 1048576 elements/,
    isTooLarge: true,
  },
  {
    what: "a long array of nothing",
    value: () => new Array(4_000_000_000),
    says: /more than 1048576 elements/,
    isTooLarge: true,
  },
];

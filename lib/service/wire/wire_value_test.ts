import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import { utf8Bytes } from "../../base/mod.ts";
import { Encoding } from "../../proto/mod.ts";
import { CallError } from "../errors.ts";
import { SAMPLE_BUFFERS } from "../testing/sample_buffers.ts";
import { nested, SAMPLE_VALUES } from "../testing/sample_values.ts";
import { copyExactJson, isExactJson, NOT_COPIED } from "./exact_json.ts";
import { MAX_BIGINT_DIGITS } from "./extended_json.ts";
import { MAX_DEPTH } from "./json_bound.ts";
import { decodeForEach, decodeValue, encodeValue, memoryOf, plain } from "./wire_value.ts";

/** A value with marks, from its JSON and the bytes behind it. */
function extended(json: string, ...bytes: number[]) {
  const head = utf8Bytes(json);
  const data = new Uint8Array(4 + head.length + bytes.length);
  new DataView(data.buffer).setUint32(0, head.length);
  data.set(head, 4);
  data.set(bytes, 4 + head.length);
  return plain(Encoding.EXTENDED, data);
}

function isRefused(read: () => unknown, codes: readonly string[] = ["Incompatible"]): boolean {
  try {
    read();
    return false;
  } catch (error) {
    assert.ok(error instanceof CallError && codes.includes(error.code), String(error));
    return true;
  }
}

const anything = fc.anything({
  withBigInt: true,
  withDate: true,
  withMap: true,
  withSet: true,
  withNullPrototype: false,
  withTypedArray: true,
  withSparseArray: false,
  maxDepth: 4,
});

Deno.test("decodeValue() gives back what encodeValue() was given, of any kind", () => {
  fc.assert(fc.property(anything, (value) => {
    const back = decodeValue(encodeValue(value));
    assert.deepStrictEqual(back, value);
  }));
});

Deno.test("encodeValue() sends as JSON what JSON says, with the very bytes, and as bytes what is bytes", () => {
  fc.assert(fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
    const isExact = isExactJson(value);
    assert.equal(isExact, !holdsMinusZero(value));
    if (!isExact) return;
    const { encoding, data } = encodeValue(value);
    assert.equal(encoding, Encoding.JSON);
    assert.deepEqual(data, utf8Bytes(JSON.stringify(value)));
  }));
  const bytes = Uint8Array.of(1);
  const sent = encodeValue(bytes);
  bytes[0] = 2;
  assert.deepEqual([sent.encoding, sent.data], [Encoding.BINARY, Uint8Array.of(1)]);
});

function holdsMinusZero(value: unknown): boolean {
  if (typeof value === "object" && value !== null) return Object.values(value).some(holdsMinusZero);
  return Object.is(value, -0);
}

Deno.test("copyExactJson() gives what reading the JSON text gives, and shares nothing", () => {
  for (const { what, value } of [...SAMPLE_VALUES, ...SAMPLE_BUFFERS]) {
    const copy = copyExactJson(value(), 1 << 24);
    assert.equal(copy !== NOT_COPIED, isExactJson(value()), what);
    if (copy !== NOT_COPIED) assert.deepStrictEqual(copy, JSON.parse(JSON.stringify(value())), what);
  }
  const inner = { a: [1] };
  const copy = copyExactJson([inner], 1_000) as [{ a: number[] }];
  assert.notEqual(copy[0], inner);
  assert.notEqual(copy[0].a, inner.a);
  assert.equal(copyExactJson("x".repeat(100), 600), NOT_COPIED, "it might be escaped");
  assert.equal(copyExactJson([[[]]], 50), NOT_COPIED);
});

Deno.test("decodeForEach() reads as often as it says, each for itself", () => {
  for (const { what, value } of [...SAMPLE_VALUES, ...SAMPLE_BUFFERS]) {
    const sent = encodeValue(value());
    const all = decodeForEach(sent, 3);
    for (const one of all) assert.deepStrictEqual(one, decodeValue(sent), what);
    const [first, second] = all;
    if (typeof first === "object" && first !== null) assert.notEqual(first, second, what);
  }
  assert.deepEqual(decodeForEach(plain(Encoding.JSON, utf8Bytes("{")), 0), [], "nobody has to read it");
});

Deno.test("decodeValue() keeps __proto__ a property, and changes no prototype", () => {
  for (
    const value of [
      plain(Encoding.JSON, utf8Bytes('{"__proto__":{"polluted":1},"a":1}')),
      extended('{"__proto__":{"polluted":{"$bigint":"1"}},"a":1}'),
      extended('{"$":{"$map":{"__proto__":{"polluted":1}}}}'),
      extended('[{"__proto__":{"$set":[]},"constructor":{"prototype":{"polluted":1}}}]'),
    ]
  ) {
    for (const read of decodeForEach(value, 2)) {
      assert.equal((read as { polluted?: unknown }).polluted, undefined);
      assert.equal(Object.getPrototypeOf(Array.isArray(read) ? read[0] : read), Object.prototype);
    }
  }
  assert.equal(({} as { polluted?: unknown }).polluted, undefined);
});

const MALFORMED: readonly (readonly [string, ReturnType<typeof extended>])[] = [
  ["nothing", plain(Encoding.EXTENDED, new Uint8Array(0))],
  ["half a length", plain(Encoding.EXTENDED, new Uint8Array(3))],
  ["a length of nothing", plain(Encoding.EXTENDED, new Uint8Array(4))],
  ["a length that is too long", plain(Encoding.EXTENDED, Uint8Array.of(0, 0, 0, 3, 0x31, 0x32))],
  ["a length of 4 GiB", plain(Encoding.EXTENDED, Uint8Array.of(255, 255, 255, 255, 0x31))],
  ["no JSON", extended("{")],
  ["no UTF-8", plain(Encoding.EXTENDED, Uint8Array.of(0, 0, 0, 1, 255))],
  ["bytes of nothing", extended("1", 1)],
  ["an unknown mark", extended('{"$function":"x"}')],
  ["a mark of a method", extended('{"$constructor":1}')],
  ["a mark of a prototype", extended('{"$__proto__":0}')],
  ["an undefined of 1", extended('{"$undefined":1}')],
  ["a number that JSON says", extended('{"$number":"1"}')],
  ["a bigint of base 10 and more", extended('{"$bigint":"12g"}')],
  ["a bigint of nothing", extended('{"$bigint":"-"}')],
  ["a bigint that is a number", extended('{"$bigint":1}')],
  ["a bigint of too many digits", extended(`{"$bigint":"${"f".repeat(MAX_BIGINT_DIGITS + 1)}"}`)],
  ["a date that is a text", extended('{"$date":"2026-01-01"}')],
  ["a date out of time", extended('{"$date":8640000000000001}')],
  ["a date between milliseconds", extended('{"$date":0.5}')],
  ["a map with half a pair", extended('{"$map":[1]}')],
  ["a map with a key twice", extended('{"$map":[1,2,1,3]}')],
  ["a map that is an object", extended('{"$map":{"a":1}}')],
  ["a set with an element twice", extended('{"$set":[1,1]}')],
  ["fewer bytes than it says", extended('{"$Uint8Array":2}', 1)],
  ["bytes of a negative number", extended('[{"$Uint8Array":-1},{"$Uint8Array":1}]')],
  ["bytes of half an element", extended('{"$Int16Array":3}', 1, 2, 3)],
  ["bytes of a fraction", extended('{"$Uint8Array":0.5}', 1)],
  ["the same bytes twice", extended('[{"$Uint8Array":1},{"$Uint8Array":1}]', 1)],
  ["an escape of what is no mark", extended('{"$":{"a":1}}')],
  ["an escape of a list", extended('{"$":["$a"]}')],
  ["too deep", extended("[".repeat(2 * MAX_DEPTH + 2) + "]".repeat(2 * MAX_DEPTH + 2))],
  ["a kind of a later version", plain(4 as Encoding, utf8Bytes("1"))],
];
for (const [what, value] of MALFORMED) {
  Deno.test(`decodeValue() rejects ${what}`, () => {
    assert.ok(isRefused(() => decodeValue(value)));
  });
}

Deno.test("decodeValue() rejects what is cut off anywhere, and survives a flipped bit and random bytes", () => {
  const value = {
    n: 7n,
    at: new Date(0),
    map: new Map([["a", Uint8Array.of(1, 2, 3)]]),
    set: new Set([NaN]),
  };
  const { data } = encodeValue(value);
  for (let length = 0; length < data.length; length++) {
    assert.ok(isRefused(() => decodeValue(plain(Encoding.EXTENDED, data.slice(0, length)))), `${length}`);
  }
  const codes = ["Incompatible", "PayloadTooLarge"];
  for (let bit = 0; bit < 8 * data.length; bit++) {
    const flipped = data.slice();
    const byte = flipped[bit >> 3] ?? 0;
    flipped[bit >> 3] = byte ^ (1 << (bit & 7));
    isRefused(() => decodeValue(plain(Encoding.EXTENDED, flipped)), codes);
    memoryOf(plain(Encoding.EXTENDED, flipped));
  }
  fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
    isRefused(() => decodeValue(plain(Encoding.EXTENDED, bytes)), codes);
  }));
});

Deno.test("decodeValue() reads marked values of 1 MiB in time, and refuses too many of them", () => {
  const read = (element: string) => {
    const json = `[${Array(Math.floor((1 << 20) / (element.length + 1))).fill(element).join(",")}]`;
    const start = performance.now();
    const isTooMuch = isRefused(() => decodeValue(extended(json)), ["PayloadTooLarge"]);
    assert.ok(performance.now() - start < 2_000, `${element}: ${performance.now() - start} ms`);
    return isTooMuch;
  };
  assert.ok(read('{"$map":[]}'));
  assert.ok(read('{"$undefined":0}'));
  assert.ok(!read(`{"$bigint":"${"f".repeat(MAX_BIGINT_DIGITS)}"}`));
  assert.ok(!read('{"$set":["some","texts","of","ordinary","length"]}'));
  assert.doesNotThrow(() => decodeValue(encodeValue(nested(MAX_DEPTH, (inner) => new Map([[inner, 1n]])))));
});

Deno.test("decodeValue() reads what is in a Buffer, whose slices are the same bytes, as it reads any bytes", () => {
  for (const { what, value, becomes = value } of [...SAMPLE_VALUES, ...SAMPLE_BUFFERS]) {
    const sent = encodeValue(value());
    const buffer = Buffer.concat([Buffer.of(1, 2, 3), sent.data, Buffer.of(4)]);
    const data = buffer.subarray(3, buffer.length - 1);
    const read = decodeValue({ ...sent, data });
    assert.deepStrictEqual(read, becomes(), what);
    data.fill(0);
    assert.deepStrictEqual(read, becomes(), `${what}, behind it`);
  }
});

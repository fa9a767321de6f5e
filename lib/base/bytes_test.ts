import assert from "node:assert/strict";
import fc from "fast-check";
import {
  concatBytes,
  decodeBase64,
  decodeBase64Url,
  decodeHex,
  encodeBase64,
  encodeBase64Url,
  encodeHex,
  equalBytes,
  utf8Bytes,
} from "./bytes.ts";

Deno.test("concatBytes() copies its parts in order", () => {
  fc.assert(fc.property(fc.array(fc.uint8Array({ maxLength: 9 }), { maxLength: 5 }), (parts) => {
    assert.deepEqual([...concatBytes(...parts)], parts.flatMap((part) => [...part]));
  }));
  const only = Uint8Array.of(1);
  assert.notEqual(concatBytes(only), only);
});

Deno.test("equalBytes() compares length and content", () => {
  const cases: readonly (readonly [number[], number[], boolean])[] = [
    [[], [], true],
    [[1], [], false],
    [[1, 2], [1, 2], true],
    [[1, 2], [1, 3], false],
    [[1, 2], [1, 2, 0], false],
  ];
  for (const [a, b, expected] of cases) {
    assert.equal(equalBytes(Uint8Array.from(a), Uint8Array.from(b)), expected);
    assert.equal(equalBytes(Uint8Array.from(b), Uint8Array.from(a)), expected);
  }
});

Deno.test("utf8Bytes() encodes beyond ASCII", () => {
  assert.equal(encodeHex(utf8Bytes("é😀")), "c3a9f09f9880");
});

const codecs = [
  ["Hex", encodeHex, decodeHex],
  ["Base64", encodeBase64, decodeBase64],
  ["Base64Url", encodeBase64Url, decodeBase64Url],
] as const;
for (const [name, encode, decode] of codecs) {
  Deno.test(`encode${name}() and decode${name}() round-trip`, () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 70 }), (bytes) => {
      assert.deepEqual(decode(encode(bytes)), bytes);
    }));
  });

  Deno.test(`decode${name}() never throws`, () => {
    fc.assert(fc.property(fc.oneof(fc.string(), fc.base64String()), (text) => {
      const bytes = decode(text);
      if (bytes !== undefined && name !== "Hex") assert.equal(encode(bytes), text);
    }));
  });
}

Deno.test("decodeHex() takes both cases and rejects anything else", () => {
  assert.deepEqual(decodeHex("00aAFf"), Uint8Array.of(0, 0xaa, 0xff));
  for (const text of ["0", "0g", "0x00", " 00", "00 ", "00\n", "０0", "-1"]) {
    assert.equal(decodeHex(text), undefined, JSON.stringify(text));
  }
});

Deno.test("decodeBase64() rejects every second spelling", () => {
  // RFC 4648 §10, then the same with bits left over, without padding, with too much, with white space.
  assert.deepEqual(decodeBase64("Zm8="), utf8Bytes("fo"));
  const rejected = [
    "Zm9=",
    "Zm8",
    "Zm8==",
    "Zg=",
    "Zg===",
    "Z",
    "Z===",
    "=",
    "====",
    "Zm 8=",
    "Zm8=\n",
    " Zm8=",
    "Zm8=Zm8=",
  ];
  for (const text of [...rejected, "-_8=", "Zm8\u0000", "Zmé="]) {
    assert.equal(decodeBase64(text), undefined, JSON.stringify(text));
  }
});

Deno.test("decodeBase64Url() rejects every second spelling", () => {
  assert.deepEqual(decodeBase64Url("-_8"), Uint8Array.of(0xfb, 0xff));
  for (const text of ["-_9", "-_8=", "Z", "Zm9vY", "+/8", "-_ 8", "-_8\n", " -_8", "é"]) {
    assert.equal(decodeBase64Url(text), undefined, JSON.stringify(text));
  }
});

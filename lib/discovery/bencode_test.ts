import assert from "node:assert/strict";
import fc from "fast-check";
import { type BencodeValue, decodeBencode, encodeBencode } from "./bencode.ts";

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

const { value: anyValue } = fc.letrec<{ value: BencodeValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.maxSafeInteger().map((number) => number + 0),
    fc.uint8Array({ maxLength: 20 }),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(fc.string({ maxLength: 8, unit: "binary-ascii" }), tie("value"), { maxKeys: 4 })
      .map((object) => new Map(Object.entries(object))),
  ),
}));

Deno.test("decodeBencode() reads what encodeBencode() writes", () => {
  fc.assert(fc.property(anyValue, (value) => {
    assert.deepEqual(decodeBencode(encodeBencode(value)), value);
  }));
});

Deno.test("decodeBencode() writes one text for one value, with sorted keys", () => {
  const value = new Map<string, BencodeValue>([["spam", [bytesOf("a"), -3]], ["cow", bytesOf("moo")]]);
  assert.deepEqual(encodeBencode(value), bytesOf("d3:cow3:moo4:spaml1:ai-3eee"));
  assert.throws(() => encodeBencode(0.5), RangeError);
});

for (
  const [what, text] of [
    ["nothing", ""],
    ["an integer without digits", "ie"],
    ["an integer with a leading zero", "i03e"],
    ["minus zero", "i-0e"],
    ["a plus sign", "i+1e"],
    ["an integer that is not safe", "i9007199254740993e"],
    ["an integer of 100 digits", `i${"9".repeat(100)}e`],
    ["a string that runs past the end", "4:abc"],
    ["a string of 10^16 bytes", "9999999999999999:a"],
    ["a length with a leading zero", "01:a"],
    ["a negative length", "-1:a"],
    ["a list without an end", "li1e"],
    ["a dictionary without a value", "d1:ae"],
    ["a key that is no string", "di1ei2ee"],
    ["a key that comes twice", "d1:ai1e1:ai2ee"],
    ["a key of 65 bytes", `d65:${"k".repeat(65)}i1ee`],
    ["something behind the end", "i1ei2e"],
    ["a list that is too deep", `${"l".repeat(8)}${"e".repeat(8)}`],
    ["more than 512 values", `l${"le".repeat(512)}e`],
    ["2,000 open lists", "l".repeat(2_000)],
  ] as const
) {
  Deno.test(`decodeBencode() rejects ${what}`, () => {
    assert.equal(decodeBencode(bytesOf(text)), undefined);
  });
}

Deno.test("decodeBencode() survives cut, flipped and random bytes", () => {
  const bytes = encodeBencode(
    new Map<string, BencodeValue>([["r", new Map([["id", new Uint8Array(20)]])], ["t", [1, 2]]]),
  );
  for (let length = 0; length < bytes.length; length++) {
    assert.equal(decodeBencode(bytes.subarray(0, length)), undefined);
  }
  for (let bit = 0; bit < 8 * bytes.length; bit++) {
    const flipped = bytes.slice();
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ 1 << (bit & 7);
    decodeBencode(flipped);
  }
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (random) => {
    const value = decodeBencode(random);
    if (value !== undefined) assert(encodeBencode(value).length === random.length);
  }));
});

import assert from "node:assert/strict";
import { createHash, createHmac } from "node:crypto";
import { blake2s as nobleBlake2s } from "@noble/hashes/blake2.js";
import fc from "fast-check";
import { concatBytes, utf8Bytes } from "../base/mod.ts";
import { blake2s, blake2sMac, hkdf, hmacBlake2s } from "./blake2s.ts";

const counting = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => i);
const NOTHING = new Uint8Array(0);

Deno.test("blake2s() agrees with RFC 7693 appendix B, and with itself over parts", () => {
  const expected = "508c5e8c327c14e2e1a72ba34eeb452f37458b209ed63a294d999b4c86675982";
  assert.equal(blake2s(utf8Bytes("abc")).toHex(), expected);
  assert.equal(blake2s(utf8Bytes("a"), NOTHING, utf8Bytes("bc")).toHex(), expected);
  const ofNothing = "69217a3079908094e11121d042354a7c1f55b6482ca1a51e1b250dfd1ed0eef9";
  assert.equal(blake2s().toHex(), ofNothing);
  assert.equal(blake2s(NOTHING).toHex(), ofNothing);
});

// The sequence of RFC 7693 appendix E, cut down to the two lengths that the module has.
Deno.test("blake2s() and blake2sMac() give what the reference gives for key 00 01 … 1f", () => {
  const key = counting(32);
  const table: readonly (readonly [16 | 32, Uint8Array, string])[] = [
    [32, NOTHING, "48a8997da407876b3d79c0d92325ad3b89cbb754d86ab71aee047ad345fd2c49"],
    [32, counting(1), "40d15fee7c328830166ac3f918650f807e7e01e177258cdc0a39b11f598066f1"],
    [32, counting(255), "3fb735061abc519dfe979e54c1ee5bfad0a9d858b3315bad34bde999efd724dd"],
    [16, counting(255), "cd075928ab7e6883e697fe7fd3ac43ee"],
  ];
  for (const [length, message, expected] of table) {
    assert.equal(blake2sMac(key, length, message).toHex(), expected);
    assert.equal(blake2sMac(key, length, message.subarray(0, 9), message.subarray(9)).toHex(), expected);
  }
  // WireGuard's MAC2 has a cookie of 16 bytes as its key.
  assert.equal(
    blake2sMac(counting(16), 16, utf8Bytes("abc")).toHex(),
    "75296c2d2c0f51210b383f386bc8b1ff",
  );
});

Deno.test("hmacBlake2s() gives what the reference gives for keys of any length", () => {
  const table: readonly (readonly [Uint8Array, string, string])[] = [
    [
      utf8Bytes("key"),
      "The quick brown fox jumps over the lazy dog",
      "f93215bb90d4af4c3061cd932fb169fb8bb8a91d0b4022baea1271e1323cd9a0",
    ],
    // Longer than a block of 64 bytes, so that the key is hashed first (RFC 2104 §2).
    [counting(100), "abc", "c1b751501db12b753069a918627b623179be55c8cc7ca5c4e14bdf32274ac656"],
    [NOTHING, "", "eaf4bb25938f4d20e72656bbbc7a9bf63c0c18537333c35bdb67db1402661acd"],
  ];
  for (const [key, message, expected] of table) {
    assert.equal(hmacBlake2s(key, utf8Bytes(message)).toHex(), expected);
  }
});

Deno.test("hkdf() gives what the reference gives, and fewer outputs are the first ones", () => {
  const table = [
    ["input", [
      "87b7f70b24183c6db5dc4f6d9f4c47cdb203321aa2a0bef714896adb3107a040",
      "538a02e1eb2e31b7e4d4b82476d1fe2acf50085d3fb584537279195f5d1f5824",
      "9ad858025593be88de0f9442a589cfe84a88dc19e4753d93684d1c5efc4837f9",
    ]],
    ["", [
      "7a38c34bf2b8738d7374ca77c44ecb309a11d2b2528304fa86052c365e722624",
      "1a17621f346abdc520746a9fb64d8eb03231d674fc15687537b0780fd9c060fd",
      "4eaf02809ac4b930ef63479de62275f1c55656e61f78a3cc653c18a2223d6c5f",
    ]],
  ] as const;
  for (const [input, expected] of table) {
    for (const outputs of [1, 2, 3] as const) {
      const derived = hkdf(counting(32), utf8Bytes(input), outputs);
      assert.deepEqual(derived.map((bytes) => bytes.toHex()), expected.slice(0, outputs));
    }
  }
});

Deno.test("blake2s() and hmacBlake2s() agree with the platform's over any parts", () => {
  const parts = fc.array(fc.uint8Array({ maxLength: 150 }), { maxLength: 4 });
  fc.assert(fc.property(fc.uint8Array({ maxLength: 80 }), parts, (key, parts) => {
    const joined = concatBytes(...parts);
    assert.equal(blake2s(...parts).toHex(), createHash("blake2s256").update(joined).digest("hex"));
    const expected = createHmac("blake2s256", key).update(joined).digest("hex");
    assert.equal(hmacBlake2s(key, ...parts).toHex(), expected);
  }));
});

Deno.test("blake2sMac() agrees with noble's over any key and parts", () => {
  const key = fc.uint8Array({ minLength: 1, maxLength: 32 });
  const parts = fc.array(fc.uint8Array({ maxLength: 150 }), { maxLength: 4 });
  fc.assert(fc.property(key, fc.constantFrom(16, 32), parts, (key, outBytes, parts) => {
    const expected = nobleBlake2s(concatBytes(...parts), { key, dkLen: outBytes });
    assert.deepEqual(blake2sMac(key, outBytes, ...parts), expected);
  }));
});

Deno.test("blake2sMac() refuses a key that is too long", () => {
  assert.throws(() => blake2sMac(counting(33), 16, NOTHING), RangeError);
});

Deno.test("hkdf() leaves its inputs as they were", () => {
  const [chainingKey, input] = [counting(32), counting(5)];
  hkdf(chainingKey, input, 3);
  assert.deepEqual([chainingKey, input], [counting(32), counting(5)]);
});

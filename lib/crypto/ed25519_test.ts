import assert from "node:assert/strict";
import fc from "fast-check";
import { utf8Bytes } from "../base/mod.ts";
import { SIGNATURE_BYTES, SigningKey, VerifyingKey } from "./ed25519.ts";
import { field, testVectors } from "./testing/wycheproof.ts";

const seed = fc.uint8Array({ minLength: 32, maxLength: 32 });

testVectors(
  "VerifyingKey.verify() agrees with Wycheproof",
  "wycheproof_ed25519_test.json",
  (vector, group) => {
    const key = VerifyingKey.fromBytes(field(group["publicKey"] as Record<string, unknown>, "pk"));
    assert.equal(key.verify(field(vector, "msg"), field(vector, "sig")), vector.result === "valid");
  },
);

Deno.test("SigningKey signs as RFC 8032 §7.1 does", () => {
  const cases = [
    {
      seed: "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
      key: "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
      message: "",
      signature:
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b" +
        "d25bf5f0595bbe24655141438e7a100b",
    },
    {
      seed: "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
      key: "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
      message: "72",
      signature:
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c" +
        "387b2eaeb4302aeeb00d291612bb0c00",
    },
  ];
  for (const { seed, key, message, signature } of cases) {
    const signing = SigningKey.fromSeed(Uint8Array.fromHex(seed));
    assert.equal(signing.verifyingKey.bytes.toHex(), key);
    assert.equal(signing.sign(Uint8Array.fromHex(message)).toHex(), signature);
  }
});

Deno.test("VerifyingKey.verify() takes a signature for its message and key only", () => {
  fc.assert(
    fc.property(seed, fc.uint8Array({ maxLength: 200 }), fc.nat({ max: 511 }), (seed, message, bit) => {
      const signing = SigningKey.fromSeed(seed);
      const signature = signing.sign(message);
      assert.equal(signature.length, SIGNATURE_BYTES);
      assert.equal(signing.verifyingKey.verify(message, signature), true);
      assert.equal(signing.verifyingKey.verify(Uint8Array.of(...message, 0), signature), false);
      signature[bit >> 3] = (signature[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      assert.equal(signing.verifyingKey.verify(message, signature), false);
    }),
    { numRuns: 15 },
  );
});

Deno.test("VerifyingKey.verify() never throws, also for bytes that are no point", () => {
  fc.assert(
    fc.property(seed, fc.uint8Array({ maxLength: 70 }), (key, signature) => {
      assert.equal(VerifyingKey.fromBytes(key).verify(utf8Bytes("message"), signature), false);
    }),
    { numRuns: 50 },
  );
});

// A key of order 8 would let one signature stand for every message.
Deno.test("VerifyingKey.verify() refuses keys of small order", () => {
  for (
    const key of [
      "0100000000000000000000000000000000000000000000000000000000000000",
      "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
      "0000000000000000000000000000000000000000000000000000000000000080",
      "0000000000000000000000000000000000000000000000000000000000000000",
      "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
      "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    ]
  ) {
    // R the neutral element and S zero satisfy [S]B = R + [k]A whenever [k]A is neutral.
    const signature = new Uint8Array(64);
    signature[0] = 1;
    const verifying = VerifyingKey.fromBytes(Uint8Array.fromHex(key));
    for (let i = 0; i < 16; i++) assert.equal(verifying.verify(Uint8Array.of(i), signature), false, key);
  }
});

Deno.test("VerifyingKey has one text form and a fixed length", () => {
  fc.assert(fc.property(seed, (bytes) => {
    const key = VerifyingKey.fromBytes(bytes);
    assert.ok(VerifyingKey.parse(key.toString())?.equals(key));
    assert.equal(JSON.stringify({ key }), `{"key":"${key}"}`);
    bytes[0] = (bytes[0] ?? 0) ^ 1;
    assert.ok(!VerifyingKey.fromBytes(bytes).equals(key));
  }));
  for (const text of ["", "AAAA", "A".repeat(43), "A".repeat(44), "!".repeat(44)]) {
    assert.equal(VerifyingKey.parse(text), undefined);
  }
  for (const length of [0, 31, 33]) {
    assert.throws(() => VerifyingKey.fromBytes(new Uint8Array(length)), RangeError);
    assert.throws(() => SigningKey.fromSeed(new Uint8Array(length)), RangeError);
  }
});

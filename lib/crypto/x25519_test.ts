import assert from "node:assert/strict";
import fc from "fast-check";
import { isAllZero } from "./secret.ts";
import { field, testVectors } from "./testing/wycheproof.ts";
import { nobleX25519, platformX25519, selectX25519 } from "./x25519.ts";

const implementations = [platformX25519, nobleX25519];

for (const x25519 of implementations) {
  testVectors(`${x25519.name} X25519 agrees with Wycheproof`, "wycheproof_x25519_test.json", (vector) => {
    const expected = field(vector, "shared");
    const shared = x25519.sharedSecret(field(vector, "private"), field(vector, "public"));
    // RFC 7748 §6.1: weft takes an all-zero result for none, and the vectors call those acceptable.
    if (isAllZero(expected)) assert.ok(shared === undefined || isAllZero(shared));
    else assert.deepEqual(shared, expected);
  });

  Deno.test(`${x25519.name} X25519 agrees with RFC 7748 §6.1`, () => {
    const hex = (text: string): Uint8Array => Uint8Array.fromHex(text);
    const alice = hex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a");
    const bob = hex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb");
    const alicePublic = hex("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
    const bobPublic = hex("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
    const shared = hex("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
    assert.deepEqual(x25519.publicKey(alice), alicePublic);
    assert.deepEqual(x25519.publicKey(bob), bobPublic);
    assert.deepEqual(x25519.sharedSecret(alice, bobPublic), shared);
    assert.deepEqual(x25519.sharedSecret(bob, alicePublic), shared);
  });

  Deno.test(`${x25519.name} X25519 gives nothing for a key of low order`, () => {
    // The seven points whose order divides 8, as canonical and non-canonical encodings.
    for (
      const point of [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
      ]
    ) {
      const shared = x25519.sharedSecret(new Uint8Array(32).fill(0x48), Uint8Array.fromHex(point));
      assert.ok(shared === undefined || isAllZero(shared), point);
    }
  });
}

Deno.test("platformX25519 and nobleX25519 agree on any scalar and any point", () => {
  const bytes = fc.uint8Array({ minLength: 32, maxLength: 32 });
  fc.assert(
    fc.property(bytes, bytes, (scalar, point) => {
      assert.deepEqual(platformX25519.publicKey(scalar), nobleX25519.publicKey(scalar));
      assert.deepEqual(
        platformX25519.sharedSecret(scalar, point),
        nobleX25519.sharedSecret(scalar, point),
      );
    }),
    { numRuns: 60 },
  );
});

Deno.test("selectX25519() takes the platform's where it answers right", () => {
  assert.equal(selectX25519(), platformX25519);
});

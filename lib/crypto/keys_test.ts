import assert from "node:assert/strict";
import fc from "fast-check";
import { encodeBase64, SeededRandom } from "../base/mod.ts";
import { PresharedKey, PrivateKey, PublicKey } from "./keys.ts";

const bytes32 = fc.uint8Array({ minLength: 32, maxLength: 32 });
const lengths = [0, 1, 31, 33, 64];

Deno.test("PrivateKey agrees with RFC 7748 §6.1", () => {
  const hex = (text: string): Uint8Array => Uint8Array.fromHex(text);
  const alice = PrivateKey.fromBytes(hex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a"));
  const bob = PrivateKey.fromBytes(hex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"));
  const shared = "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742";
  assert.equal(
    alice.publicKey.bytes.toHex(),
    "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
  );
  assert.equal(alice.sharedSecret(bob.publicKey)?.toHex(), shared);
  assert.equal(bob.sharedSecret(alice.publicKey)?.toHex(), shared);
});

Deno.test("PrivateKey is clamped, and so is equal to any key that clamps to it", () => {
  fc.assert(
    fc.property(bytes32, (bytes) => {
      const key = PrivateKey.fromBytes(bytes);
      const scalar = key.exposeBytes();
      // RFC 7748 §5.
      assert.equal((scalar[0] ?? 0) & 7, 0);
      assert.equal((scalar[31] ?? 0) & 0xc0, 0x40);
      assert.deepEqual(scalar.subarray(1, 31), bytes.subarray(1, 31));
      assert.ok(PrivateKey.fromBytes(scalar).publicKey.equals(key.publicKey));
      assert.ok(PrivateKey.parse(encodeBase64(bytes))?.equals(key));
    }),
    { numRuns: 30 },
  );
});

Deno.test("PrivateKey.sharedSecret() is the same from both ends", () => {
  fc.assert(
    fc.property(fc.integer(), fc.integer(), (seedA, seedB) => {
      const a = PrivateKey.generate(new SeededRandom(seedA));
      const b = PrivateKey.generate(new SeededRandom(seedB));
      assert.deepEqual(a.sharedSecret(b.publicKey), b.sharedSecret(a.publicKey));
    }),
    { numRuns: 20 },
  );
});

Deno.test("PrivateKey.sharedSecret() gives nothing for a key of low order", () => {
  const key = PrivateKey.generate(new SeededRandom(1));
  for (const first of [0, 1]) {
    const low = new Uint8Array(32);
    low[0] = first;
    assert.equal(key.sharedSecret(PublicKey.fromBytes(low)), undefined);
  }
});

Deno.test("PublicKey has one text form", () => {
  fc.assert(fc.property(bytes32, (bytes) => {
    const key = PublicKey.fromBytes(bytes);
    assert.ok(PublicKey.parse(key.toString())?.equals(key));
    assert.equal(JSON.stringify([key]), `["${key}"]`);
    bytes[31] = (bytes[31] ?? 0) ^ 0x80;
    assert.ok(!PublicKey.fromBytes(bytes).equals(key));
  }));
});

Deno.test("PrivateKey, PresharedKey and PublicKey refuse another length and another text", () => {
  for (const length of lengths) {
    for (const type of [PublicKey, PrivateKey, PresharedKey]) {
      assert.throws(() => type.fromBytes(new Uint8Array(length)), RangeError);
      assert.equal(type.parse(encodeBase64(new Uint8Array(length))), undefined);
    }
  }
  for (const type of [PublicKey, PrivateKey, PresharedKey]) {
    for (const text of ["", "key", `${"A".repeat(43)}=\n`, ` ${"A".repeat(43)}=`, `${"A".repeat(42)}B=`]) {
      assert.equal(type.parse(text), undefined, JSON.stringify(text));
    }
  }
});

Deno.test("PresharedKey.none() is the key of zeros", () => {
  assert.ok(PresharedKey.none().isNone);
  assert.ok(PresharedKey.none().equals(PresharedKey.fromBytes(new Uint8Array(32))));
  const drawn = PresharedKey.generate(new SeededRandom(2));
  assert.ok(!drawn.isNone);
  assert.ok(PresharedKey.parse(encodeBase64(drawn.exposeBytes()))?.equals(drawn));
});

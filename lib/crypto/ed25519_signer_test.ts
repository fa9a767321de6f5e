import assert from "node:assert/strict";
import fc from "fast-check";
import { type Ed25519Signer, nobleSigner, platformSigner, selectEd25519Signer } from "./ed25519_signer.ts";

Deno.test("platformSigner makes the keys and signatures that noble makes", () => {
  const seed = fc.uint8Array({ minLength: 32, maxLength: 32 });
  fc.assert(
    fc.property(seed, fc.uint8Array({ maxLength: 300 }), (seed, message) => {
      assert.deepEqual(platformSigner.publicKey(seed), nobleSigner.publicKey(seed));
      assert.deepEqual(platformSigner.sign(message, seed), nobleSigner.sign(message, seed));
    }),
    { numRuns: 20 },
  );
});

Deno.test("platformSigner leaves the seed as it is", () => {
  const seed = new Uint8Array(32).fill(7);
  platformSigner.sign(new Uint8Array(3), seed);
  assert.deepEqual(seed, new Uint8Array(32).fill(7));
});

const wrong: readonly (readonly [string, Partial<Ed25519Signer>])[] = [
  ["makes another key", { publicKey: () => new Uint8Array(32) }],
  ["makes another signature", { sign: () => new Uint8Array(64) }],
  ["is not there", {
    publicKey() {
      throw new TypeError("This runtime has no node:crypto");
    },
  }],
];
for (const [what, part] of wrong) {
  Deno.test(`selectEd25519Signer() takes noble's where the platform's ${what}`, () => {
    assert.equal(selectEd25519Signer({ ...platformSigner, ...part }), nobleSigner);
    assert.equal(selectEd25519Signer(), platformSigner);
  });
}

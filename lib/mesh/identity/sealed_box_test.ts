import assert from "node:assert/strict";
import { SeededRandom } from "../../base/mod.ts";
import { PrivateKey } from "../../crypto/mod.ts";
import { openFrom, openSealed, SEAL_BYTES, sealFor, sealFrom } from "./sealed_box.ts";

Deno.test("openSealed() opens what sealFor() sealed, for the reader, under the label, untouched", () => {
  const random = new SeededRandom(1);
  const [reader, other] = [PrivateKey.generate(random), PrivateKey.generate(random)];
  const secret = Uint8Array.of(1, 2, 3);
  const sealed = sealFor(reader.publicKey, "seed", secret, random);
  assert.equal(sealed.length, secret.length + SEAL_BYTES);
  assert.deepEqual(openSealed(reader, "seed", sealed), secret);
  assert.equal(openSealed(other, "seed", sealed), undefined);
  assert.equal(openSealed(reader, "token", sealed), undefined);
  for (let at = 0; at < sealed.length; at++) {
    assert.equal(
      openSealed(reader, "seed", sealed.with(at, sealed[at] as number ^ 1)),
      undefined,
      `byte ${at}`,
    );
    assert.equal(openSealed(reader, "seed", sealed.subarray(0, at)), undefined, `${at} bytes`);
  }
  assert.equal(openSealed(reader, "seed", new Uint8Array(SEAL_BYTES)), undefined, "a key of low order");
  assert.notDeepEqual(sealFor(reader.publicKey, "seed", secret, random), sealed);
});

Deno.test("openFrom() opens what sealFrom() sealed, and only as the sender's", () => {
  const random = new SeededRandom(1);
  const [sender, reader, other] = [1, 2, 3].map(() => PrivateKey.generate(random)) as [
    PrivateKey,
    PrivateKey,
    PrivateKey,
  ];
  const secret = Uint8Array.of(1, 2, 3);
  const sealed = sealFrom(sender, reader.publicKey, "key", secret, random);
  assert.equal(sealed.length, secret.length + SEAL_BYTES);
  assert.deepEqual(openFrom(reader, sender.publicKey, "key", sealed), secret);
  assert.equal(openFrom(reader, other.publicKey, "key", sealed), undefined, "another sender");
  assert.equal(openFrom(other, sender.publicKey, "key", sealed), undefined, "another reader");
  assert.equal(openFrom(reader, sender.publicKey, "seed", sealed), undefined, "another label");
  assert.equal(openSealed(reader, "key", sealed), undefined, "of nobody");
  const ofNobody = sealFor(reader.publicKey, "key", secret, random);
  assert.equal(openFrom(reader, sender.publicKey, "key", ofNobody), undefined, "made by anybody");
  for (let at = 0; at < sealed.length; at++) {
    const flipped = sealed.with(at, sealed[at] as number ^ 1);
    assert.equal(openFrom(reader, sender.publicKey, "key", flipped), undefined, `byte ${at}`);
    assert.equal(openFrom(reader, sender.publicKey, "key", sealed.subarray(0, at)), undefined, `${at} bytes`);
  }
});

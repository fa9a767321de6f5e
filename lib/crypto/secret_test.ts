import assert from "node:assert/strict";
import fc from "fast-check";
import { format, inspect } from "node:util";
import { encodeBase64, encodeHex } from "../base/mod.ts";
import { SigningKey } from "./ed25519.ts";
import { PresharedKey, PrivateKey } from "./keys.ts";
import { equalConstantTime, isAllZero, type Secret } from "./secret.ts";

const bytes = Uint8Array.from({ length: 32 }, (_, i) => 0x40 + i);
const secrets: readonly (readonly [string, (from: Uint8Array) => Secret])[] = [
  ["PrivateKey", (from) => PrivateKey.fromBytes(from)],
  ["PresharedKey", (from) => PresharedKey.fromBytes(from)],
  ["SigningKey", (from) => SigningKey.fromSeed(from)],
];

/** Every way in which a value becomes text without anybody asking for its bytes. */
const views: readonly (readonly [string, (secret: Secret) => string])[] = [
  ["String()", (secret) => String(secret)],
  ["a template", (secret) => `${secret}`],
  ["+", (secret) => "" + secret],
  ["JSON", (secret) => JSON.stringify({ secret, list: [secret] })],
  ["Deno.inspect()", (secret) => Deno.inspect(secret, { depth: 9, showHidden: true, iterableLimit: 1e3 })],
  ["Deno.inspect() of a holder", (secret) => Deno.inspect({ a: [new Map([["k", secret]])] }, { depth: 9 })],
  ["node's inspect()", (secret) => inspect(secret, { depth: 9, showHidden: true, maxArrayLength: null })],
  ["what console.log prints", (secret) => format("%o %O %s %j %d", secret, secret, secret, secret, secret)],
  ["its properties", (secret) => JSON.stringify(Object.entries(Object.getOwnPropertyDescriptors(secret)))],
  ["an error", (secret) => String(new Error(`${secret}`, { cause: secret }).cause)],
];

/** How bytes look as text. */
function spellings(secret: Uint8Array): string[] {
  const part = secret.subarray(8, 14);
  return [encodeHex(part), encodeBase64(secret).slice(8, 24), [...part].join(","), [...part].join(", ")];
}

for (const [name, make] of secrets) {
  for (const [what, view] of views) {
    Deno.test(`${name} does not show itself in ${what}`, () => {
      const secret = make(bytes);
      const text = view(secret);
      for (const exposed of [bytes, secret.exposeBytes()]) {
        for (const spelling of spellings(exposed)) assert.ok(!text.includes(spelling), text);
      }
    });
  }

  Deno.test(`${name} says what it is`, () => {
    assert.equal(String(make(bytes)), `${name}(hidden)`);
    assert.equal(JSON.stringify(make(bytes)), `"${name}(hidden)"`);
  });

  Deno.test(`${name} is not cloned into a message with its bytes`, () => {
    let text = "";
    try {
      text = Deno.inspect(structuredClone(make(bytes)), { depth: 9 });
    } catch {
      // Refused altogether, which is as good.
    }
    for (const spelling of spellings(bytes)) assert.ok(!text.includes(spelling), text);
  });

  Deno.test(`${name} copies what it is made of, and is wiped for good`, () => {
    const own = bytes.slice();
    const secret = make(own);
    own.fill(0);
    assert.ok(secret.equals(make(bytes)));
    secret.wipe();
    assert.deepEqual(secret.exposeBytes(), new Uint8Array(32));
    assert.ok(!secret.equals(make(bytes)));
  });
}

Deno.test("equalConstantTime() agrees with a plain comparison", () => {
  const bytes = fc.uint8Array({ maxLength: 6, max: 3 });
  fc.assert(
    fc.property(bytes, bytes, (a, b) => {
      assert.equal(equalConstantTime(a, b), a.toHex() === b.toHex());
      assert.equal(equalConstantTime(a, a.slice()), true);
    }),
    { numRuns: 500 },
  );
});

Deno.test("equalConstantTime() sees a difference in any bit, and in length", () => {
  const bytes = new Uint8Array(32).fill(0x5a);
  for (let bit = 0; bit < 256; bit++) {
    const other = bytes.slice();
    other[bit >> 3] = (other[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    assert.equal(equalConstantTime(bytes, other), false);
  }
  assert.equal(equalConstantTime(bytes, bytes.subarray(1)), false);
  assert.equal(equalConstantTime(new Uint8Array(2), new Uint8Array(3)), false);
});

Deno.test("isAllZero() sees any bit", () => {
  assert.equal(isAllZero(new Uint8Array(0)), true);
  assert.equal(isAllZero(new Uint8Array(32)), true);
  for (let bit = 0; bit < 256; bit++) {
    const bytes = new Uint8Array(32);
    bytes[bit >> 3] = 1 << (bit & 7);
    assert.equal(isAllZero(bytes), false);
  }
});

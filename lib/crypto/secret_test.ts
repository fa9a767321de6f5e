import assert from "node:assert/strict";
import { format, inspect } from "node:util";
import { encodeBase64, encodeHex } from "../base/mod.ts";
import { SigningKey } from "./ed25519.ts";
import { PresharedKey, PrivateKey } from "./keys.ts";
import type { Secret } from "./secret.ts";

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

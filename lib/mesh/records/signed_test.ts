import assert from "node:assert/strict";
import { utf8Bytes } from "../../base/mod.ts";
import { SigningKey } from "../../crypto/mod.ts";
import { isSignedBy, readEndpoints, signPayload } from "./signed.ts";

const signingKey = SigningKey.fromSeed(new Uint8Array(32).fill(1));
const { verifyingKey } = signingKey;
const otherKey = SigningKey.fromSeed(new Uint8Array(32).fill(2)).verifyingKey;
const sign = () => signPayload("a label", utf8Bytes("a payload"), signingKey);

Deno.test("isSignedBy() takes what was signed here for its label and key alone, the first time and later", () => {
  const signed = sign();
  for (let i = 0; i < 2; i++) assert.equal(isSignedBy("a label", signed, verifyingKey), true);
  assert.equal(isSignedBy("another label", sign(), verifyingKey), false);
  assert.equal(isSignedBy("a label", sign(), otherKey), false);
});

Deno.test("isSignedBy() checks what others hand over, also when it was signed here", () => {
  const { payload, signature } = sign();
  assert.equal(isSignedBy("a label", { payload, signature }, verifyingKey), true);
  const forged = { payload: utf8Bytes("b payload"), signature };
  assert.equal(isSignedBy("a label", forged, verifyingKey), false);
});

Deno.test("isSignedBy() needs no arithmetic for what was signed here, once", () => {
  const signed = sign();
  let checked = 0;
  const counting = Object.assign(SigningKey.fromSeed(new Uint8Array(32).fill(1)).verifyingKey, {
    verify: () => checked++ >= 0,
  });
  isSignedBy("a label", signed, counting);
  assert.equal(checked, 0);
  isSignedBy("a label", signed, counting);
  assert.equal(checked, 1);
});

Deno.test("readEndpoints() takes what can be reached, each address in one form", () => {
  assert.equal(readEndpoints(["192.0.2.1:1", "[2001:db8::1]:65535"], 2)?.length, 2);
  const refused = [
    "192.0.2.1:0",
    "0.0.0.0:1",
    "[::]:1",
    "224.0.0.1:1",
    "[ff02::1]:1",
    "[::ffff:10.200.0.1]:1",
    "[::ffff:0.0.0.0]:1",
    "[::ffff:224.0.0.1]:1",
    "weft.example:1",
  ];
  for (const text of refused) assert.equal(readEndpoints([text], 8), undefined, text);
  assert.equal(readEndpoints(["192.0.2.1:1", "192.0.2.2:1"], 1), undefined, "too many");
});

import assert from "node:assert/strict";
import { SeededRandom } from "../base/mod.ts";
import { PrivateKey } from "./keys.ts";
import {
  isRecoverySecret,
  parseRecoveryKey,
  parseRecoverySecret,
  recoveryKeyText,
  recoverySecretText,
} from "./recovery_key.ts";

const key = PrivateKey.generate(new SeededRandom(3));
const [known, secret] = [recoveryKeyText(key.publicKey), recoverySecretText(key)];

Deno.test("recovery keys are read as they were written, whatever white space is around them", () => {
  assert.ok(parseRecoveryKey(` ${known}\n`)?.equals(key.publicKey));
  assert.ok(parseRecoverySecret(`${secret}\r\n`)?.equals(key));
  assert.ok(isRecoverySecret(secret) && !isRecoverySecret(known));
});

Deno.test("parseRecoveryKey() and parseRecoverySecret() refuse each other's, and any letter that is wrong", () => {
  assert.equal(parseRecoveryKey(secret), undefined);
  assert.equal(parseRecoverySecret(known), undefined);
  for (const [text, parse] of [[known, parseRecoveryKey], [secret, parseRecoverySecret]] as const) {
    for (let at = 0; at < text.length; at++) {
      assert.equal(parse(text.slice(0, at)), undefined, `cut at ${at}`);
      const changed = text.slice(0, at) + (text[at] === "A" ? "B" : "A") + text.slice(at + 1);
      assert.equal(parse(changed), undefined, `changed at ${at}`);
    }
    assert.equal(parse(`${text}A`), undefined);
  }
});

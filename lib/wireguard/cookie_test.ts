/**
 * Tests of macs and cookies: the one who calls against the one who is called.
 * @module
 */

import assert from "node:assert/strict";
import { millis, SeededRandom } from "../base/mod.ts";
import { blake2s, blake2sMac, nobleAead, PrivateKey } from "../crypto/mod.ts";
import { Endpoint } from "../net/mod.ts";
import { CookieChecker, CookieGenerator } from "./cookies.ts";
import { COOKIE_REPLY_BYTES, INITIATION_BYTES, messageType, readIndex, RESPONSE_BYTES } from "./messages.ts";

const REFRESH_MS = 120_000;
const SENDER = 0x1234_5678;

function endpoint(text: string): Endpoint {
  const parsed = Endpoint.parse(text);
  assert.ok(parsed !== undefined, text);
  return parsed;
}

const SOURCE = endpoint("192.0.2.1:51820");

class Fixture {
  readonly random = new SeededRandom(7);
  readonly responder = PrivateKey.generate(this.random).publicKey;
  readonly checker = new CookieChecker(this.responder, {
    random: this.random,
    aead: nobleAead,
    refreshTimeMs: REFRESH_MS,
  });
  readonly generator = new CookieGenerator(this.responder, REFRESH_MS);

  message(lengthBytes = INITIATION_BYTES): Uint8Array {
    const message = new Uint8Array(lengthBytes);
    this.random.fill(message.subarray(0, lengthBytes - 32));
    return message;
  }

  signed(nowMs: number, lengthBytes?: number): Uint8Array {
    const message = this.message(lengthBytes);
    this.generator.sign(millis(nowMs), message);
    return message;
  }

  /** Has the generator learn a cookie for `source` at `nowMs`. */
  learn(nowMs: number, source = SOURCE): void {
    const reply = this.checker.reply(millis(nowMs), this.signed(nowMs), { sender: SENDER, source });
    assert.ok(this.generator.consume(millis(nowMs), reply));
  }

  isAdmitted(nowMs: number, message: Uint8Array, source = SOURCE): boolean {
    return this.checker.hasValidMac2(millis(nowMs), message, source);
  }
}

Deno.test("CookieGenerator.sign() fills in MAC1 as the paper defines it and leaves MAC2 zero", () => {
  const fixture = new Fixture();
  for (const length of [INITIATION_BYTES, RESPONSE_BYTES]) {
    const message = fixture.signed(0, length);
    const label = new TextEncoder().encode("mac1----");
    const key = blake2s(label, fixture.responder.bytes);
    const mac1 = blake2sMac(key, 16, message.subarray(0, length - 32));
    assert.deepEqual(message.subarray(length - 32, length - 16), mac1);
    assert.ok(message.subarray(length - 16).every((byte) => byte === 0));
    assert.ok(fixture.checker.hasValidMac1(message));
    assert.equal(fixture.isAdmitted(0, message), false);
  }
});

Deno.test("CookieChecker.hasValidMac1() rejects every changed byte before MAC2, and other receivers", () => {
  const fixture = new Fixture();
  const message = fixture.signed(0);
  for (let at = 0; at < INITIATION_BYTES; at++) {
    const changed = message.slice();
    changed[at] = (changed[at] ?? 0) ^ 1;
    assert.equal(fixture.checker.hasValidMac1(changed), at >= INITIATION_BYTES - 16, `byte ${at}`);
  }
  const other = new CookieGenerator(PrivateKey.generate(fixture.random).publicKey, REFRESH_MS);
  other.sign(millis(0), message);
  assert.equal(fixture.checker.hasValidMac1(message), false);
});

Deno.test("CookieChecker.reply() is a cookie reply to the sender, shorter than every handshake message", () => {
  const fixture = new Fixture();
  const reply = fixture.checker.reply(millis(0), fixture.signed(0), { sender: SENDER, source: SOURCE });
  assert.equal(messageType(reply), 3);
  assert.equal(reply.length, COOKIE_REPLY_BYTES);
  assert.ok(COOKIE_REPLY_BYTES < RESPONSE_BYTES);
  assert.equal(readIndex(reply, 4), SENDER);
});

Deno.test("CookieChecker.reply() uses no nonce twice, also with another secret", () => {
  const fixture = new Fixture();
  const nonces = new Set<string>();
  for (const nowMs of [0, 60_000, 121_000, 242_001]) {
    for (let i = 0; i < 300; i++) {
      const reply = fixture.checker.reply(millis(nowMs), fixture.message(), {
        sender: SENDER,
        source: SOURCE,
      });
      nonces.add(reply.subarray(8, 32).toHex());
    }
  }
  assert.equal(nonces.size, 1200);
});

for (const text of ["192.0.2.1:51820", "[2001:db8::1]:51820"]) {
  Deno.test(`CookieChecker.hasValidMac2() takes a cookie from ${text} and from nowhere else`, () => {
    const fixture = new Fixture();
    const source = endpoint(text);
    fixture.learn(1000, source);
    for (const length of [INITIATION_BYTES, RESPONSE_BYTES]) {
      const message = fixture.signed(2000, length);
      assert.ok(fixture.checker.hasValidMac1(message));
      assert.ok(fixture.isAdmitted(2000, message, source));
      for (const elsewhere of ["192.0.2.2:51820", "192.0.2.1:51821", "192.0.2.1:20", "[2001:db8::2]:51820"]) {
        assert.equal(fixture.isAdmitted(2000, message, endpoint(elsewhere)), false);
      }
      message[length - 1] = (message[length - 1] ?? 0) ^ 1;
      assert.equal(fixture.isAdmitted(2000, message, source), false);
    }
  });
}

Deno.test("CookieGenerator.sign() uses a cookie for 120 s after its receipt", () => {
  const fixture = new Fixture();
  fixture.learn(1000);
  assert.ok(fixture.signed(121_000).subarray(-16).some((byte) => byte !== 0));
  assert.ok(fixture.signed(121_001).subarray(-16).every((byte) => byte === 0));
});

Deno.test("CookieChecker.hasValidMac2() refuses a cookie whose secret is 120 s old", () => {
  const fixture = new Fixture();
  fixture.learn(1000);
  fixture.learn(100_000);
  const message = fixture.signed(121_000);
  assert.ok(fixture.isAdmitted(121_000, message));
  assert.equal(fixture.isAdmitted(121_001, message), false);
  fixture.learn(121_001);
  assert.equal(fixture.isAdmitted(121_002, message), false, "the secret is another one");
  assert.ok(fixture.isAdmitted(121_002, fixture.signed(121_002)));
});

Deno.test("CookieGenerator.consume() rejects a reply with any byte of its nonce or cookie changed", () => {
  const fixture = new Fixture();
  const reply = fixture.checker.reply(millis(0), fixture.signed(0), { sender: SENDER, source: SOURCE });
  for (let at = 8; at < COOKIE_REPLY_BYTES; at++) {
    const changed = reply.slice();
    changed[at] = (changed[at] ?? 0) ^ 0x80;
    assert.equal(fixture.generator.consume(millis(0), changed), false);
  }
  assert.ok(fixture.generator.consume(millis(0), reply), "a forged reply does not spoil the real one");
  assert.equal(fixture.generator.consume(millis(0), reply), false, "a replayed reply is not wanted");
});

Deno.test("CookieGenerator.consume() rejects replies to earlier messages, of others, and before any message", () => {
  const fixture = new Fixture();
  const early = fixture.checker.reply(millis(0), fixture.message(), { sender: SENDER, source: SOURCE });
  assert.equal(fixture.generator.consume(millis(0), early), false);
  const first = fixture.signed(0);
  const second = fixture.signed(1);
  const late = fixture.checker.reply(millis(2), first, { sender: SENDER, source: SOURCE });
  assert.equal(fixture.generator.consume(millis(2), late), false);
  const other = new CookieChecker(PrivateKey.generate(fixture.random).publicKey, {
    random: fixture.random,
    aead: nobleAead,
    refreshTimeMs: REFRESH_MS,
  });
  const foreign = other.reply(millis(2), second, { sender: SENDER, source: SOURCE });
  assert.equal(fixture.generator.consume(millis(2), foreign), false);
});

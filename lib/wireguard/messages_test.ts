/**
 * Tests of the bytes of messages.
 * @module
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import {
  COOKIE_REPLY_BYTES,
  INITIATION_BYTES,
  isHandshake,
  messageType,
  MIN_TRANSPORT_BYTES,
  readCounter,
  readIndex,
  RESPONSE_BYTES,
  TRANSPORT_HEADER_BYTES,
  writeIndex,
  writeTransportHeader,
} from "./messages.ts";

Deno.test("messageType() knows each type by its first byte and exact length", () => {
  for (let type = 0; type < 256; type++) {
    for (let length = 0; length <= 200; length++) {
      const datagram = new Uint8Array(length);
      if (length > 0) datagram[0] = type;
      const fits = (type === 1 && length === INITIATION_BYTES) || (type === 2 && length === RESPONSE_BYTES) ||
        (type === 3 && length === COOKIE_REPLY_BYTES) || (type === 4 && length >= MIN_TRANSPORT_BYTES);
      assert.equal(messageType(datagram), fits ? type : 0, `type ${type}, ${length} bytes`);
    }
  }
});

Deno.test("messageType() rejects reserved bytes that are not zero", () => {
  for (const [type, length] of [[1, 148], [2, 92], [3, 64], [4, 32], [4, 1500]] as const) {
    for (const at of [1, 2, 3]) {
      const datagram = new Uint8Array(length);
      datagram[0] = type;
      assert.equal(messageType(datagram), type);
      datagram[at] = 1;
      assert.equal(messageType(datagram), 0);
    }
  }
});

Deno.test("messageType() rejects what is longer than any UDP datagram", () => {
  for (const [length, type] of [[65_535, 4], [65_536, 0], [100_000, 0]] as const) {
    const datagram = new Uint8Array(length);
    datagram[0] = 4;
    assert.equal(messageType(datagram), type);
  }
});

Deno.test("writeIndex() and readIndex() are little-endian and inverse", () => {
  const out = new Uint8Array(12);
  writeIndex(out, 4, 0x8765_4321);
  assert.deepEqual([...out], [0, 0, 0, 0, 0x21, 0x43, 0x65, 0x87, 0, 0, 0, 0]);
  fc.assert(fc.property(fc.integer({ min: 0, max: 2 ** 32 - 1 }), fc.constantFrom(4, 8), (index, at) => {
    writeIndex(out, at, index);
    assert.equal(readIndex(out, at), index);
  }));
});

Deno.test("writeTransportHeader() and readCounter() agree with DataView", () => {
  const edge = fc.constantFrom(0, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 52, Number.MAX_SAFE_INTEGER);
  const counters = fc.oneof(edge, fc.maxSafeNat());
  fc.assert(fc.property(fc.integer({ min: 0, max: 2 ** 32 - 1 }), counters, (receiver, counter) => {
    const out = new Uint8Array(32).fill(255);
    writeTransportHeader(out, receiver, counter);
    const view = new DataView(out.buffer);
    assert.equal(messageType(out), 4);
    assert.equal(view.getUint32(4, true), receiver);
    assert.equal(view.getBigUint64(8, true), BigInt(counter));
    assert.equal(readIndex(out, 4), receiver);
    assert.equal(readCounter(out), counter);
    assert.equal(out[TRANSPORT_HEADER_BYTES], 255);
  }));
});

Deno.test("readCounter() tells counters beyond the safe integers apart", () => {
  fc.assert(fc.property(fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n - 1n }), (counter) => {
    const datagram = new Uint8Array(32);
    new DataView(datagram.buffer).setBigUint64(8, counter, true);
    assert.equal(readCounter(datagram), -1);
  }));
});

Deno.test("isHandshake() knows initiations, responses and cookies by type and length", () => {
  const memory = new Uint8Array(200);
  for (let type = 0; type < 256; type++) {
    memory[8] = type;
    for (const lengthBytes of [32, 64, 91, 92, 93, 147, 148, 149]) {
      const expected = type === 1 && lengthBytes === 148 || type === 2 && lengthBytes === 92 ||
        type === 3 && lengthBytes === 64;
      assert.equal(isHandshake(memory, 8, lengthBytes), expected, `${type} ${lengthBytes}`);
    }
  }
});

import assert from "node:assert/strict";
import { nobleAead } from "../../crypto/mod.ts";
import { sealRecords } from "../testing/memory_stream.ts";
import { MAX_RECORD_BYTES, NoiseOpener, NoiseSealer, RECORDS_PER_KEY } from "./record_cipher.ts";

const key = new Uint8Array(32).fill(9);

Deno.test("sealRecords() cuts at the longest record and NoiseOpener opens each", () => {
  for (
    const [length, records] of [[0, 1], [1, 1], [MAX_RECORD_BYTES, 1], [MAX_RECORD_BYTES + 1, 2]] as const
  ) {
    const framed = sealRecords(new NoiseSealer(key), new Uint8Array(length).fill(5));
    const opener = new NoiseOpener(key);
    let opened = 0;
    let count = 0;
    for (let at = 0; at < framed.length; count++) {
      const end = at + 2 + new DataView(framed.buffer).getUint16(at);
      const plaintext = opener.open(framed.subarray(at + 2, end));
      assert(plaintext);
      assert(plaintext.every((byte) => byte === 5));
      opened += plaintext.length;
      at = end;
    }
    assert.deepEqual([opened, count], [length, records]);
  }
});

Deno.test("NoiseOpener rejects a record that is flipped, cut, repeated or out of order", () => {
  const sealer = new NoiseSealer(key);
  const first = sealRecords(sealer, Uint8Array.of(1, 2, 3)).subarray(2);
  const second = sealRecords(sealer, Uint8Array.of(4)).subarray(2);
  const opener = new NoiseOpener(key);
  assert.equal(opener.open(second), undefined);
  for (let at = 0; at < first.length; at++) {
    const flipped = first.slice();
    flipped[at] = (flipped[at] ?? 0) ^ 1 << at % 8;
    assert.equal(opener.open(flipped), undefined);
    assert.equal(opener.open(first.subarray(0, at)), undefined);
  }
  assert.deepEqual(opener.open(first), Uint8Array.of(1, 2, 3));
  assert.equal(opener.open(first), undefined);
  assert.deepEqual(opener.open(second), Uint8Array.of(4));
});

Deno.test("NoiseSealer and NoiseOpener change their key at the same record", () => {
  const sealer = new NoiseSealer(key);
  const opener = new NoiseOpener(key);
  const byte = Uint8Array.of(1);
  for (let i = 0; i < RECORDS_PER_KEY + 2; i++) {
    const record = sealRecords(sealer, byte).subarray(2);
    assert(opener.open(record) !== undefined, `record ${i}`);
  }
});

Deno.test("channelAead() seals records of any length as noble does, and both open them", () => {
  for (const length of [0, 1, 63, 1_000, 16_385, 48_000, 65_000, MAX_RECORD_BYTES]) {
    const plaintext = Uint8Array.from({ length }, (_, i) => i * 7 + (i >> 9));
    const record = sealRecords(new NoiseSealer(key), plaintext);
    assert.deepEqual(record, sealRecords(new NoiseSealer(key, nobleAead), plaintext));
    assert.deepEqual(new NoiseOpener(key).open(record.subarray(2)), plaintext);
    assert.deepEqual(new NoiseOpener(key, nobleAead).open(record.subarray(2)), plaintext);
  }
});

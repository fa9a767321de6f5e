// deno-lint-ignore-file no-console -- the reason of a skipped test belongs in the output
import assert from "node:assert/strict";
import fc from "fast-check";
import { concatBytes } from "../../base/mod.ts";
import { type MultiBufferCipher, nobleAead } from "../../crypto/mod.ts";
import { missingTiers, multiBufferCipher } from "../../crypto/testing/native_code.ts";
import { sealRecords } from "../testing/memory_stream.ts";
import { encodeFrame, FrameReader } from "./frame_reader.ts";
import {
  channelAead,
  MAX_CUT_RECORDS,
  MAX_RECORD_BYTES,
  NoiseOpener,
  NoiseSealer,
  type RecordCipher,
  RECORDS_PER_KEY,
} from "./record_cipher.ts";

const key = new Uint8Array(32).fill(9);

/** Machine code for all tests of this file; undefined where it does not run. */
const multiBuffer: MultiBufferCipher | undefined = missingTiers.has("avx2") ? undefined : multiBufferCipher();
if (multiBuffer === undefined) {
  console.log(`skipped: records sealed side by side: ${missingTiers.get("avx2")}`);
}
const several = { ignore: multiBuffer === undefined };

function sideBySide(): RecordCipher {
  return { aead: channelAead(), multiBuffer: () => multiBuffer };
}

function oneByOne(): RecordCipher {
  return { aead: nobleAead };
}

/** @returns a reader to which all of it has arrived */
async function arrived(bytes: Uint8Array): Promise<FrameReader> {
  let at = 0;
  const frames = new FrameReader({
    remoteAddress: "memory:other",
    read(out) {
      if (at === bytes.length) return Promise.resolve(undefined);
      const part = bytes.subarray(at, at + out.length);
      out.set(part);
      at += part.length;
      return Promise.resolve(part.length);
    },
    write: () => Promise.resolve(false),
    close() {},
  });
  frames.readAhead();
  while (await frames.fill());
  return frames;
}

/** @returns what an opener makes of the records: the plaintext up to their end, or to the first that it rejects */
async function openAll(opener: NoiseOpener, framed: Uint8Array) {
  const frames = await arrived(framed);
  const parts: Uint8Array[] = [];
  for (;;) {
    const opened = opener.open(frames);
    if (!(opened instanceof Uint8Array)) return { text: concatBytes(...parts), opened, calls: parts.length };
    parts.push(opened.slice());
  }
}

/** @returns the bodies of the frames */
function bodies(framed: Uint8Array): Uint8Array[] {
  const found: Uint8Array[] = [];
  const view = new DataView(framed.buffer, framed.byteOffset, framed.length);
  for (let at = 0; at < framed.length;) {
    const end = at + 2 + view.getUint16(at);
    found.push(framed.slice(at + 2, end));
    at = end;
  }
  return found;
}

function textOf(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => i * 7 + (i >> 9));
}

Deno.test("sealRecords() cuts at the longest record and NoiseOpener opens each", () => {
  for (
    const [length, records] of [[0, 1], [1, 1], [MAX_RECORD_BYTES, 1], [MAX_RECORD_BYTES + 1, 2]] as const
  ) {
    const framed = bodies(sealRecords(new NoiseSealer(key), new Uint8Array(length).fill(5)));
    const opener = new NoiseOpener(key);
    let opened = 0;
    for (const record of framed) {
      const plaintext = opener.openOne(record);
      assert(plaintext !== undefined && plaintext.every((byte) => byte === 5));
      opened += plaintext.length;
    }
    assert.deepEqual([opened, framed.length], [length, records]);
  }
});

Deno.test("NoiseOpener rejects a record that is flipped, cut, repeated or out of order", () => {
  const sealer = new NoiseSealer(key);
  const first = sealRecords(sealer, Uint8Array.of(1, 2, 3)).subarray(2);
  const second = sealRecords(sealer, Uint8Array.of(4)).subarray(2);
  const opener = new NoiseOpener(key);
  assert.equal(opener.openOne(second), undefined);
  for (let at = 0; at < first.length; at++) {
    const flipped = first.slice();
    flipped[at] = (flipped[at] ?? 0) ^ 1 << at % 8;
    assert.equal(opener.openOne(flipped), undefined);
    assert.equal(opener.openOne(first.subarray(0, at)), undefined);
  }
  assert.deepEqual(opener.openOne(first), Uint8Array.of(1, 2, 3));
  assert.equal(opener.openOne(first), undefined);
  assert.deepEqual(opener.openOne(second), Uint8Array.of(4));
});

Deno.test("NoiseSealer and NoiseOpener change their key at the same record", () => {
  const sealer = new NoiseSealer(key);
  const opener = new NoiseOpener(key);
  const byte = Uint8Array.of(1);
  for (let i = 0; i < RECORDS_PER_KEY + 2; i++) {
    const record = sealRecords(sealer, byte).subarray(2);
    assert(opener.openOne(record) !== undefined, `record ${i}`);
  }
});

Deno.test("channelAead() seals records of any length as noble does, and both open them", () => {
  for (const length of [0, 1, 63, 1_000, 16_385, 48_000, 65_000, MAX_RECORD_BYTES]) {
    const plaintext = textOf(length);
    const record = sealRecords(new NoiseSealer(key), plaintext);
    assert.deepEqual(record, sealRecords(new NoiseSealer(key, oneByOne()), plaintext));
    assert.deepEqual(new NoiseOpener(key).openOne(record.subarray(2)), plaintext);
    assert.deepEqual(new NoiseOpener(key, oneByOne()).openOne(record.subarray(2)), plaintext);
  }
});

Deno.test(
  "NoiseSealer cuts a long text into records side by side, and whoever opens one by one reads them",
  several,
  async () => {
    for (
      const [length, least] of [[1, 1], [3_071, 1], [3_072, 8], [3_073, 7], [10_000, 8], [
        MAX_RECORD_BYTES,
        8,
      ]]
    ) {
      const text = textOf(length as number);
      const framed = sealRecords(new NoiseSealer(key, sideBySide()), text);
      assert.equal(bodies(framed).length, least);
      assert(bodies(framed).length <= MAX_CUT_RECORDS);
      const { text: read, opened } = await openAll(new NoiseOpener(key, oneByOne()), framed);
      assert.deepEqual([read, opened], [text, undefined]);
    }
  },
);

Deno.test(
  "NoiseOpener opens several records at once, whoever sealed them and however they are cut",
  several,
  async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 12_000 }), { minLength: 1, maxLength: 12 }),
        fc.boolean(),
        async (lengths, isCut) => {
          const sealer = new NoiseSealer(key, isCut ? sideBySide() : oneByOne());
          const texts = lengths.map(textOf);
          const framed = concatBytes(...texts.map((text) => sealRecords(sealer, text).slice()));
          const { text, opened } = await openAll(new NoiseOpener(key, sideBySide()), framed);
          assert.deepEqual([text, opened], [concatBytes(...texts), undefined]);
        },
      ),
      { numRuns: 40 },
    );
    const framed = sealRecords(new NoiseSealer(key, sideBySide()), textOf(60_000));
    assert.equal((await openAll(new NoiseOpener(key, sideBySide()), framed)).calls, 1);
  },
);

Deno.test(
  "NoiseOpener gives out nothing from the first of several records on that is not authentic",
  several,
  async () => {
    const text = textOf(8_192);
    const framed = sealRecords(new NoiseSealer(key, sideBySide()), text);
    for (let record = 0; record < MAX_CUT_RECORDS; record++) {
      const forged = framed.slice();
      const at = record * (1_024 + 18) + 500;
      forged[at] = (forged[at] ?? 0) ^ 4;
      const opener = new NoiseOpener(key, sideBySide());
      const { text: read, opened } = await openAll(opener, forged);
      assert.deepEqual([read, opened], [text.subarray(0, record * 1_024), "rejected"]);
      assert.equal(opener.open(await arrived(framed)), "rejected", "it stays rejected");
    }
  },
);

Deno.test("NoiseOpener rejects a record that says nothing among several", several, async () => {
  for (const place of [0, 1, 4, 7]) {
    const sealer = new NoiseSealer(key, oneByOne());
    const texts = Array.from({ length: 8 }, (_, i) => textOf(i === place ? 0 : 1_000));
    const framed = concatBytes(...texts.map((text) => sealRecords(sealer, text).slice()));
    const { text, opened } = await openAll(new NoiseOpener(key, sideBySide()), framed);
    assert.deepEqual([text, opened], [concatBytes(...texts.slice(0, place)), "rejected"]);
  }
  const short = Array.from({ length: 8 }, (_, i) => encodeFrame(new Uint8Array(i === 2 ? 7 : 1_000)));
  assert.equal((await openAll(new NoiseOpener(key, sideBySide()), concatBytes(...short))).opened, "rejected");
});

Deno.test("Records side by side change their key where those one by one do", several, async () => {
  const makes = { sideBySide, oneByOne };
  for (const [seals, sealing] of Object.entries(makes)) {
    for (const [opens, opening] of Object.entries(makes)) {
      if (sealing === oneByOne && opening === oneByOne) continue;
      const sealer = new NoiseSealer(key, { ...sealing(), aead: channelAead() });
      const opener = new NoiseOpener(key, { ...opening(), aead: channelAead() });
      const text = textOf(4_001);
      // So that neither eight nor what arrives together ends where a key does.
      let records = skip(sealer, opener, RECORDS_PER_KEY - 43);
      while (records < RECORDS_PER_KEY + 99) {
        const framed = concatBytes(...Array.from({ length: 5 }, () => sealRecords(sealer, text).slice()));
        records += bodies(framed).length;
        const { text: read, opened } = await openAll(opener, framed);
        assert.deepEqual(
          [read.length, opened],
          [5 * text.length, undefined],
          `${seals} to ${opens}, ${records}`,
        );
      }
    }
  }
});

/** Seals and opens records that nobody looks at. @returns how many */
function skip(sealer: NoiseSealer, opener: NoiseOpener, count: number): number {
  for (let i = 0; i < count; i++) {
    assert(opener.openOne(sealRecords(sealer, Uint8Array.of(1)).subarray(2)) !== undefined);
  }
  return count;
}

Deno.test(
  "NoiseSealer and NoiseOpener go on one by one when the machine code was given back",
  several,
  async () => {
    const closing = multiBufferCipher();
    const cipher = { aead: channelAead(), multiBuffer: () => closing };
    const [sealer, opener] = [new NoiseSealer(key, cipher), new NoiseOpener(key, cipher)];
    const text = textOf(9_000);
    assert.equal(bodies(sealRecords(sealer, text)).length, 8);
    closing.close();
    closing.close();
    const later = new NoiseSealer(key, cipher);
    const framed = sealRecords(later, text);
    assert.equal(bodies(framed).length, 1);
    assert.deepEqual((await openAll(opener, framed)).text, text);
  },
);

/**
 * Tests of gathering messages that are sealed together.
 * @module
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import { type BatchCipher, type LaidOutMessages, nobleAead, WasmBatchCipher } from "../../crypto/mod.ts";
import { LaidOutRun } from "./laid_out_run.ts";
import { PlainBatchCipher } from "./plain_batch_cipher.ts";
import { frame, HARNESS_PAGES } from "./testing/engine_harness.ts";
import { nativeCiphers } from "./testing/native_ciphers.ts";
import { makeSuperpacket } from "./testing/superpackets.ts";

const FRAME_AT = 0x1_0000 + 64;
const OUT = 0x3_0000;
const ROOM_BYTES = 0x3_0000;
const MTU_BYTES = 1420;
const KEYS = [1, 2].map((byte) => new Uint8Array(32).fill(byte));

const ciphers: readonly (readonly [string, () => BatchCipher])[] = [
  ["the WebAssembly cipher", () => new WasmBatchCipher(HARNESS_PAGES)],
  ...nativeCiphers,
];

/** What is to be sealed one behind the other: of which session, how long, and how many numbers are left out before. */
interface Entry {
  readonly session: number;
  readonly payloadBytes: number;
  readonly gsoSize: number;
  readonly skipped: number;
}

/** Lays everything out, or has it sealed at once where there is no run. @returns what is written then */
function write(cipher: BatchCipher, entries: readonly Entry[], run?: LaidOutRun): Uint8Array {
  const bytes = new Uint8Array(cipher.memory.buffer);
  const sessions = KEYS.map((key, i) => ({ sendKey: cipher.aead.key(key), remoteIndex: 7 + i }));
  const counters = [2 ** 32 - 10, 0];
  let out = OUT;
  for (const { session: which, payloadBytes, gsoSize, skipped } of entries) {
    const { packet, header } = makeSuperpacket({ protocol: "udp", version: 4, payloadBytes, gsoSize });
    const { sendKey: key, remoteIndex } = sessions[which] ?? assert.fail();
    const counter = (counters[which] ?? 0) + skipped;
    bytes.set(frame(packet, header), FRAME_AT - 10);
    const job = {
      at: FRAME_AT,
      lengthBytes: packet.length,
      out,
      roomBytes: ROOM_BYTES,
      counter,
      remoteIndex,
    };
    const batch = run === undefined
      ? cipher.sealSuperpacket({ ...job, key, mtuBytes: MTU_BYTES })
      : cipher.layOutSuperpacket({ ...job, mtuBytes: MTU_BYTES });
    assert.ok(typeof batch === "object");
    run?.add(out, batch, counter, { sendKey: key, remoteIndex });
    counters[which] = counter + batch.packets;
    out += batch.lengthBytes;
  }
  run?.seal();
  return bytes.slice(OUT, out);
}

for (const [name, makeCipher] of ciphers) {
  Deno.test(`LaidOutRun on ${name} seals all there is as noble does one by one`, () => {
    const cipher = makeCipher();
    const plain = new PlainBatchCipher(nobleAead, HARNESS_PAGES);
    const run = new LaidOutRun(cipher);
    const entry = fc.record({
      session: fc.constantFrom(0, 0, 0, 1),
      payloadBytes: fc.constantFrom(36, 36, 36, 172, 172, 900, 1),
      gsoSize: fc.constantFrom(1400, 1400, 1400, 400),
      skipped: fc.constantFrom(0, 0, 0, 0, 0, 0, 3),
    });
    fc.assert(fc.property(fc.array(entry, { minLength: 1, maxLength: 40 }), (entries) => {
      assert.deepEqual(write(cipher, entries, run), write(plain, entries));
    }));
  });
}

Deno.test("LaidOutRun seals together what stands side by side with numbers that follow each other, and a shorter one behind", () => {
  const cipher = new WasmBatchCipher(HARNESS_PAGES);
  const sealed: number[] = [];
  const sealMessages = (messages: LaidOutMessages) => {
    sealed.push(messages.count);
    cipher.sealMessages(messages);
  };
  const counting = Object.create(cipher, { sealMessages: { value: sealMessages } }) as BatchCipher;
  const key = cipher.aead.key(KEYS[0] ?? assert.fail());
  const one = { packets: 1, lengthBytes: 96, segmentBytes: 96 };
  const cases: readonly (readonly [string, readonly number[], (run: LaidOutRun) => void])[] = [
    ["nothing", [], () => {}],
    ["all alike", [5], (run) => {
      for (let i = 0; i < 5; i++) run.add(OUT + i * 96, one, i, { sendKey: key, remoteIndex: 1 });
    }],
    ["a shorter one, and one behind it", [3, 1], (run) => {
      run.add(OUT, { packets: 2, lengthBytes: 192, segmentBytes: 96 }, 0, { sendKey: key, remoteIndex: 1 });
      run.add(OUT + 192, { packets: 1, lengthBytes: 64, segmentBytes: 64 }, 2, {
        sendKey: key,
        remoteIndex: 1,
      });
      run.add(OUT + 256, { packets: 1, lengthBytes: 64, segmentBytes: 64 }, 3, {
        sendKey: key,
        remoteIndex: 1,
      });
    }],
    ["a longer one", [1, 1], (run) => {
      run.add(OUT, one, 0, { sendKey: key, remoteIndex: 1 });
      run.add(OUT + 96, { packets: 1, lengthBytes: 112, segmentBytes: 112 }, 1, {
        sendKey: key,
        remoteIndex: 1,
      });
    }],
    ["a number that is left out", [1, 1], (run) => {
      run.add(OUT, one, 0, { sendKey: key, remoteIndex: 1 });
      run.add(OUT + 96, one, 2, { sendKey: key, remoteIndex: 1 });
    }],
    ["a gap", [1, 1], (run) => {
      run.add(OUT, one, 0, { sendKey: key, remoteIndex: 1 });
      run.add(OUT + 97, one, 1, { sendKey: key, remoteIndex: 1 });
    }],
    ["another key", [1, 1], (run) => {
      run.add(OUT, one, 0, { sendKey: key, remoteIndex: 1 });
      run.add(OUT + 96, one, 1, { sendKey: cipher.aead.key(new Uint8Array(32)), remoteIndex: 2 });
    }],
  ];
  for (const [name, expected, add] of cases) {
    sealed.length = 0;
    const run = new LaidOutRun(counting);
    add(run);
    run.seal();
    run.seal();
    assert.deepEqual(sealed, expected, name);
  }
});

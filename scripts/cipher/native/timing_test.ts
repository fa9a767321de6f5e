/**
 * Measures whether the time that the native cipher takes depends on what is secret, as dudect does (Reparaz, Balasch and
 * Verbauwhede, "Dude, is my code constant time?", 2017): two classes of input in random turns, and Welch's t of their times.
 * @module
 */

import assert from "node:assert/strict";
import { labTest } from "../../../tests/lab/mod.ts";
import { guardedMemory, loadedTiers, RawNative } from "../../../lib/crypto/testing/native_code.ts";

const AT = 0x1_0000;
const COUNT = 16;
const TEXT_BYTES = 448;
const MESSAGE_BYTES = TEXT_BYTES + 32;
const BATCH_BYTES = COUNT * MESSAGE_BYTES;
const KEY_BYTES = 32;
const NONCE = new Uint8Array(12);
const MEASUREMENTS = 40_000;
/** Slow ones were interrupted by something else. */
const KEPT = 0.8;
/** Beyond it there is a difference, beyond all doubt from twice as much on. */
const SUSPICIOUS = 5;
const ROUNDS = 4;

/** Prepares a call whose input is of the class, and makes it. */
type Trial = (isRandom: boolean) => { prepare(): void; run(): void };

/** @returns Welch's t of the two classes' times: how many standard errors their means are apart */
function welchT(trial: Trial): number {
  const [fixed, random] = [trial(false), trial(true)];
  const times: [number[], number[]] = [[], []];
  for (let i = 0; i < MEASUREMENTS; i++) {
    const which = Math.random() < 0.5 ? 0 : 1, { prepare, run } = which === 0 ? fixed : random;
    prepare();
    const start = performance.now();
    run();
    times[which].push(performance.now() - start);
  }
  const limit = times.flat().sort((a, b) => a - b)[Math.floor(KEPT * MEASUREMENTS)] ?? 0;
  const [a, b] = times.map((each) => moments(each.filter((time) => time < limit))) as [Moments, Moments];
  return (a.mean - b.mean) / Math.sqrt(a.variance / a.count + b.variance / b.count);
}

interface Moments {
  readonly count: number;
  readonly mean: number;
  readonly variance: number;
}

function moments(values: readonly number[]): Moments {
  const count = values.length, mean = values.reduce((sum, value) => sum + value, 0) / count;
  return { count, mean, variance: values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (count - 1) };
}

/** A machine that is busy with something else may make a difference once; a cipher that leaks does every time. */
function assertAlike(trial: Trial): void {
  const found: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const t = Math.abs(welchT(trial));
    if (t < SUSPICIOUS) return;
    found.push(t);
  }
  assert.fail(`the time depends on what is secret: t of ${found.map((t) => t.toFixed(1)).join(", ")}`);
}

for (const tier of loadedTiers.keys()) {
  const native = new RawNative(tier, guardedMemory(0x2_0000));
  const { bytes } = native;
  const job = { at: AT, messageBytes: MESSAGE_BYTES, lastBytes: MESSAGE_BYTES, count: COUNT };
  const places = Array.from(
    { length: COUNT },
    (_, i) => ({ at: AT + i * MESSAGE_BYTES, lengthBytes: MESSAGE_BYTES }),
  );

  const randomInput = () => crypto.getRandomValues(new Uint8Array(BATCH_BYTES));
  const randomKey = () => crypto.getRandomValues(new Uint8Array(KEY_BYTES));

  labTest(`native ${tier} seals zeroes by a key of zeroes in the same time as anything by any key`, [
    "thorough",
  ], () => {
    // Both classes come from as many places, so that caches treat them alike.
    const pools = [false, true].map((isRandom) =>
      Array.from({ length: 16 }, () => ({
        text: isRandom ? randomInput() : new Uint8Array(BATCH_BYTES),
        key: isRandom ? randomKey() : new Uint8Array(KEY_BYTES),
      }))
    );
    assertAlike((isRandom) => {
      let turn = 0, key = new Uint8Array(KEY_BYTES);
      return {
        prepare() {
          const input = pools[isRandom ? 1 : 0]?.[turn++ % 16] ?? assert.fail();
          bytes.set(input.text, AT);
          key = input.key;
        },
        run: () => void native.seal(key, NONCE, job),
      };
    });
    return Promise.resolve();
  });

  labTest(`native ${tier} refuses tags in the same time, wherever they are wrong`, ["thorough"], () => {
    const key = randomKey();
    bytes.set(randomInput(), AT);
    native.seal(key, NONCE, job);
    const sealed = bytes.slice(AT, AT + BATCH_BYTES);
    // The table's counters are 0, so that messages behind the first are forgeries anyhow.
    const forged = [MESSAGE_BYTES - 16, MESSAGE_BYTES - 1].map((at) => {
      const wire = sealed.slice();
      wire[at] = (wire[at] ?? 0) ^ 1;
      return wire;
    });
    assertAlike((isRandom) => ({
      prepare: () => bytes.set(forged[isRandom ? 1 : 0] ?? assert.fail(), AT),
      run: () => void native.open(key, NONCE, places),
    }));
    return Promise.resolve();
  });

  labTest(`what measures the native ${tier} cipher's time finds a column more`, ["thorough"], () => {
    const key = randomKey(), longer = { ...job, lastBytes: MESSAGE_BYTES + 64 };
    const trial: Trial = (isRandom) => ({
      prepare: () => bytes.fill(1, AT, AT + BATCH_BYTES),
      run: () => void native.seal(key, NONCE, isRandom ? longer : job),
    });
    assert.ok(Math.abs(welchT(trial)) > 2 * SUSPICIOUS);
    return Promise.resolve();
  });
}

// deno-lint-ignore-file no-console -- a command prints
/**
 * `deno task bench:cipher`: how many gigabytes a second each cipher seals and opens, packet by packet at three sizes,
 * and the cipher over a batch of packets. Medians of rounds that take turns, so that a busy machine slows all alike.
 * @module
 */

import { wasmAead } from "../lib/crypto/aead_wasm.ts";
import {
  canRunCipher,
  CIPHER_BYTES,
  CIPHER_LAYOUT,
  cipherMemory,
  type CipherTier,
  instantiateCipher,
  MESSAGE_OVERHEAD_BYTES,
} from "../lib/crypto/batch/mod.ts";
import { nobleAead, platformAead } from "../lib/crypto/select_aead.ts";
import { BATCH, BATCH_BYTES, SuperpacketRun } from "./cipher/superpacket_run.ts";

const ROUNDS = 9;
const ROUND_MS = 60;
const SIZES = [64, 1420, 16_384];
const NO_BYTES = new Uint8Array(0);

interface Contender {
  readonly name: string;
  readonly bytes: number;
  run(): void;
}

const contenders: Contender[] = [];
for (const bytes of SIZES) {
  for (const aead of [wasmAead(), platformAead, nobleAead]) {
    const key = aead.key(new Uint8Array(32).fill(7));
    const plaintext = new Uint8Array(bytes);
    const sealed = new Uint8Array(bytes + 16);
    key.seal(1, plaintext, NO_BYTES, sealed, 0);
    const out = new Uint8Array(bytes + 16);
    const name = aead.name === "platform" ? "node:crypto (OpenSSL)" : aead.name;
    contenders.push({
      name: `${name}, seal ${bytes}`,
      bytes,
      run: () => void key.seal(1, plaintext, NO_BYTES, out, 0),
    });
    contenders.push({
      name: `${name}, open ${bytes}`,
      bytes,
      run: () => void key.open(1, sealed, NO_BYTES, out, 0),
    });
  }
}
const tiers = (["baseline", "wide"] as const).filter(canRunCipher);
contenders.push(...tiers.flatMap(batchContenders));

function batchContenders(tier: CipherTier): Contender[] {
  const stride = BATCH_BYTES + MESSAGE_OVERHEAD_BYTES;
  const memory = cipherMemory(tier, 8);
  const wasm = instantiateCipher(tier, memory);
  const view = new Uint8Array(memory.buffer);
  const table = (at: number) => new Int32Array(memory.buffer, at, BATCH);
  const key = new Uint8Array(32).fill(7);
  const seal = () => {
    view.set(key, CIPHER_LAYOUT.KEY);
    wasm.sealBatch(CIPHER_BYTES + 16, stride, BATCH_BYTES, BATCH_BYTES, BATCH, 1, 0);
  };
  seal();
  const sealed = view.slice(CIPHER_BYTES, CIPHER_BYTES + BATCH * stride);
  table(CIPHER_LAYOUT.TABLE_AT).forEach((_, i, at) => at[i] = CIPHER_BYTES + i * stride);
  table(CIPHER_LAYOUT.TABLE_LENGTH).fill(stride);
  new Float64Array(memory.buffer, CIPHER_LAYOUT.TABLE_COUNTER, BATCH).forEach((_, i, counters) => {
    counters[i] = i;
  });
  const open = () => {
    // Opened packets would be forgeries the next time; copying them back costs 2 % of what is measured.
    view.set(sealed, CIPHER_BYTES);
    view.set(key, CIPHER_LAYOUT.KEY);
    wasm.openBatch(BATCH);
    if (table(CIPHER_LAYOUT.TABLE_RESULT).includes(-1)) throw new Error("The cipher refused its own");
  };
  const bytes = BATCH * BATCH_BYTES;
  const superpacket = new SuperpacketRun(tier);
  return [
    { name: `${tier} cipher, cut and seal the same`, bytes, run: () => superpacket.seal() },
    { name: `${tier} cipher, open and join the same`, bytes, run: () => superpacket.open() },
    { name: `${tier} cipher, seal ${BATCH} of ${BATCH_BYTES}`, bytes, run: seal },
    { name: `${tier} cipher, open ${BATCH} of ${BATCH_BYTES}`, bytes, run: open },
  ];
}

function gigabytesPerSecond({ bytes, run }: Contender): number {
  let done = 0;
  const startedAt = performance.now();
  let ms = 0;
  while (ms < ROUND_MS) {
    for (let sent = 0; sent < 100_000; sent += bytes) {
      run();
      done += bytes;
    }
    ms = performance.now() - startedAt;
  }
  return done / ms / 1e6;
}

const rates = contenders.map(() => [] as number[]);
for (let round = 0; round <= ROUNDS; round++) {
  for (const [i, contender] of contenders.entries()) {
    const rate = gigabytesPerSecond(contender);
    // The first round warms up.
    if (round > 0) rates[i]?.push(rate);
  }
}
for (const [i, { name }] of contenders.entries()) {
  const sorted = (rates[i] ?? []).sort((a, b) => a - b);
  const [median, best] = [sorted[sorted.length >> 1] ?? 0, sorted.at(-1) ?? 0];
  console.log(`${name.padEnd(34)} ${median.toFixed(3)} GB/s, best ${best.toFixed(3)}`);
}

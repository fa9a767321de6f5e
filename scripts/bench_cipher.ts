// deno-lint-ignore-file no-console -- a command prints
/**
 * `deno task bench:cipher`: how many gigabytes a second each cipher seals and opens, packet by packet at three sizes,
 * and the cipher over a batch of packets. Medians of rounds that take turns, so that a busy machine slows all alike.
 * @module
 */

import { wasmAead, WasmKey } from "../lib/crypto/aead_wasm.ts";
import {
  type BatchCipher,
  CIPHER_BYTES,
  CIPHER_LAYOUT,
  cipherMemory,
  instantiateCipher,
  MESSAGE_OVERHEAD_BYTES,
  NativeCipher,
  type NativeTier,
  WasmBatchCipher,
} from "../lib/crypto/batch/mod.ts";
import { nobleAead, nobleCipher, platformAead } from "../lib/crypto/select_aead.ts";
import { loadedTiers, nativeBatchCipher } from "../lib/crypto/testing/native_code.ts";
import { PlainBatchCipher } from "../lib/dataplane/fast/plain_batch_cipher.ts";
import { addressOf } from "../lib/host/mod.ts";
import { BATCH, BATCH_BYTES, SuperpacketRun } from "./cipher/superpacket_run.ts";

const ROUNDS = 9;
const ROUND_MS = 60;
const SIZES = [64, 1420, 16_384];
const STRIDE = BATCH_BYTES + MESSAGE_OVERHEAD_BYTES;
const PAGES = 8;
const AT = CIPHER_BYTES;
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
const nativeTiers = [...loadedTiers.keys()];
const batchCiphers: readonly BatchCipher[] = [
  ...nativeTiers.map((tier) => nativeBatchCipher(tier, PAGES)),
  new WasmBatchCipher(PAGES),
  new PlainBatchCipher(nobleAead, PAGES),
];
contenders.push(...batchCiphers.flatMap(superpacketContenders));
contenders.push(...nativeTiers.flatMap(nativeContenders), ...wasmContenders());

function superpacketContenders(cipher: BatchCipher): Contender[] {
  const bytes = BATCH * BATCH_BYTES, superpacket = new SuperpacketRun(cipher);
  const name = `${cipher.name}, superpacket of ${BATCH}`;
  return [
    { name: `${name}, cut and seal`, bytes, run: () => superpacket.seal() },
    { name: `${name}, open and join`, bytes, run: () => superpacket.open() },
  ];
}

function wasmContenders(): Contender[] {
  const memory = cipherMemory(PAGES), wasm = instantiateCipher(memory);
  const view = new Uint8Array(memory.buffer), key = new Uint8Array(32).fill(7);
  return batchContenders("baseline cipher", memory, {
    seal() {
      view.set(key, CIPHER_LAYOUT.KEY);
      wasm.sealBatch(AT + 16, STRIDE, BATCH_BYTES, BATCH_BYTES, BATCH, 1, 0);
    },
    open() {
      view.set(key, CIPHER_LAYOUT.KEY);
      wasm.openBatch(BATCH);
    },
  });
}

function nativeContenders(tier: NativeTier): Contender[] {
  const memory = cipherMemory(PAGES), code = loadedTiers.get(tier);
  if (code === undefined) return [];
  const place = { address: addressOf(memory), lengthBytes: memory.buffer.byteLength };
  const cipher = new NativeCipher(tier, code, place),
    key = new WasmKey(new Uint8Array(32).fill(7), nobleCipher);
  const job = { at: AT, messageBytes: STRIDE, lastBytes: STRIDE, count: BATCH, counter: 0 };
  return batchContenders(cipher.name, memory, {
    seal: () => void cipher.seal(key, job),
    open: () => void cipher.open(key, BATCH),
  });
}

/** Nothing but the cipher, over messages that lie in `memory` from `AT` on. */
function batchContenders(
  name: string,
  memory: WebAssembly.Memory,
  { seal, open: openTable }: { seal(): void; open(): void },
): Contender[] {
  const view = new Uint8Array(memory.buffer);
  const table = (at: number) => new Int32Array(memory.buffer, at, BATCH);
  seal();
  const sealed = view.slice(AT, AT + BATCH * STRIDE);
  table(CIPHER_LAYOUT.TABLE_AT).forEach((_, i, at) => at[i] = AT + i * STRIDE);
  table(CIPHER_LAYOUT.TABLE_LENGTH).fill(STRIDE);
  new Float64Array(memory.buffer, CIPHER_LAYOUT.TABLE_COUNTER, BATCH).forEach((_, i, counters) => {
    counters[i] = i;
  });
  const open = () => {
    // Opened packets would be forgeries the next time; copying them back costs 2 % of what is measured.
    view.set(sealed, AT);
    openTable();
    if (table(CIPHER_LAYOUT.TABLE_RESULT).includes(-1)) throw new Error("The cipher refused its own");
  };
  const bytes = BATCH * BATCH_BYTES;
  return [
    { name: `${name}, seal ${BATCH} of ${BATCH_BYTES}`, bytes, run: seal },
    { name: `${name}, open ${BATCH} of ${BATCH_BYTES}`, bytes, run: open },
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
  console.log(`${name.padEnd(60)} ${median.toFixed(3)} GB/s, best ${best.toFixed(3)}`);
}

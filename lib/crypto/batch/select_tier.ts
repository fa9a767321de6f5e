/**
 * Chooses a tier of the cipher when a program starts: by known answers, and by time, because only time shows whether
 * the runtime pairs the wide cipher's vectors.
 * @module
 */

import { wasmAead } from "../aead_wasm.ts";
import { answersRight } from "../select_aead.ts";
import {
  canRunCipher,
  CIPHER_BYTES,
  CIPHER_LAYOUT,
  cipherMemory,
  type CipherTier,
  instantiateCipher,
  MESSAGE_OVERHEAD_BYTES,
} from "../wasm_module.ts";

const PACKETS = 8;
const PACKET_BYTES = 1420;
const STRIDE = PACKET_BYTES + MESSAGE_OVERHEAD_BYTES;
// The runtime compiles in the background what runs often; after so long both tiers are at full speed.
const BUDGET_MS = 60;
// Paired it takes two thirds of the baseline's time, unpaired as much or more.
const WORTHWHILE = 0.85;

/**
 * Takes no time where the wide tier cannot run, else about 60 ms.
 *
 * @param now a clock in milliseconds with fractions
 * @returns `wide` where it answers right and is the faster one
 */
export function selectCipherTier(now: () => number): CipherTier {
  try {
    if (!canRunCipher("wide") || !answersRight(wasmAead("wide"))) return "baseline";
    const [baseline, wide] = [new Trial("baseline"), new Trial("wide")];
    for (const end = now() + BUDGET_MS; now() < end;) {
      baseline.run(now);
      wide.run(now);
    }
    return wide.agreesWith(baseline) && wide.bestMs < WORTHWHILE * baseline.bestMs ? "wide" : "baseline";
  } catch {
    return "baseline";
  }
}

/** A tier that seals the same batch again and again. */
class Trial {
  readonly #bytes: Uint8Array;
  readonly #sealBatch: () => void;
  /** The fastest run. */
  bestMs = Infinity;

  constructor(tier: CipherTier) {
    const memory = cipherMemory(tier, 2);
    const wasm = instantiateCipher(tier, memory);
    const bytes = this.#bytes = new Uint8Array(memory.buffer);
    this.#sealBatch = () => {
      bytes.fill(0x42, CIPHER_LAYOUT.KEY, CIPHER_LAYOUT.KEY + 32);
      wasm.sealBatch(CIPHER_BYTES + 16, STRIDE, PACKET_BYTES, PACKET_BYTES, PACKETS, 1, 0x1_2345_6789);
    };
  }

  run(now: () => number): void {
    const startedAt = now();
    this.#sealBatch();
    this.bestMs = Math.min(this.bestMs, now() - startedAt);
  }

  /** Whether both seal a fresh batch alike. */
  agreesWith(other: Trial): boolean {
    for (const trial of [this, other]) {
      trial.#bytes.fill(0x17, CIPHER_BYTES);
      trial.#sealBatch();
    }
    return this.#bytes.subarray(CIPHER_BYTES).every((byte, i) => byte === other.#bytes[CIPHER_BYTES + i]);
  }
}

/**
 * The cipher as machine code of the processor, over whole batches of transport messages in the memory of a
 * `WasmBatchCipher`. The code is made by `scripts/cipher/native`; the host loads it, because this folder touches no system.
 * @module
 */

import type { CounterKey } from "../aead.ts";
import { NATIVE_AVX2 } from "./gen/native_avx2.ts";
import { NATIVE_AVX512 } from "./gen/native_avx512.ts";
import { NATIVE_FEATURES } from "./gen/native_features.ts";
import { NATIVE_CONTEXT, NATIVE_CONTEXT_BYTES, NATIVE_ENTRY } from "./native_layout.ts";

/** Which vectors the code uses: sixteen packets side by side in those of 512 bits, or eight in those of 256. */
export type NativeTier = "avx512" | "avx2";

/** Machine code that the host has loaded, with the memory that it works with. */
export interface LoadedCode {
  readonly context: Uint8Array;
  /** Calls the function that is entered so many bytes into the code. */
  call(entry: number): void;
}

/** Memory whose place is known, and which does not move. */
export interface PlacedMemory {
  readonly address: number;
  readonly lengthBytes: number;
}

/** Messages that stand side by side: all but the last are equally long. Header and tag count. */
export interface NativeSealJob {
  readonly at: number;
  readonly messageBytes: number;
  readonly lastBytes: number;
  readonly count: number;
  /** Of the first. */
  readonly counter: number;
}

/**
 * For fewer messages the WebAssembly is faster: machine code takes as long for one as for all lanes. Measured at 1,420
 * bytes on Zen 4: 6.3 and 4.4 us, where the baseline takes 1.15 for each.
 */
const LEAST: Readonly<Record<NativeTier, number>> = { avx512: 6, avx2: 4 };
const NAMES: Readonly<Record<NativeTier, string>> = {
  avx512: "native AVX-512 cipher",
  avx2: "native AVX2 cipher",
};
const CODE: Readonly<Record<NativeTier, string>> = { avx512: NATIVE_AVX512, avx2: NATIVE_AVX2 };
const WORD = 0x1_0000_0000;
/** Offsets of words of 64 bits, as indices of such of 32. */
const [PREFIX, COUNTER, MEMORY, MEMORY_BYTES, COUNT, FIRST_AT, MESSAGE_BYTES, LAST_BYTES, DONE] = [
  NATIVE_CONTEXT.NONCE_PREFIX / 4,
  NATIVE_CONTEXT.COUNTER / 4,
  NATIVE_CONTEXT.MEMORY / 4,
  NATIVE_CONTEXT.MEMORY_BYTES / 4,
  NATIVE_CONTEXT.COUNT / 4,
  NATIVE_CONTEXT.FIRST_AT / 4,
  NATIVE_CONTEXT.MESSAGE_BYTES / 4,
  NATIVE_CONTEXT.LAST_BYTES / 4,
  NATIVE_CONTEXT.DONE / 4,
] as const;

/** One thread's cipher. Every call is synchronous, and leaves no key in the context. */
export class NativeCipher {
  /** How the status names it. */
  readonly name: string;
  /** For fewer messages another cipher is faster. */
  readonly leastCount: number;
  readonly #code: LoadedCode;
  readonly #context: Uint8Array;
  readonly #words: Uint32Array;
  readonly #memory: PlacedMemory;

  /**
   * @param code of that tier, with a context of `NATIVE_CONTEXT_BYTES`; others may use it between calls
   * @param memory where messages are, and the tables of a `WasmBatchCipher`
   * @throws RangeError when the context is too short
   */
  constructor(tier: NativeTier, code: LoadedCode, memory: PlacedMemory) {
    const { context } = code;
    if (context.length < NATIVE_CONTEXT_BYTES) {
      throw new RangeError(`Cannot work with a context of ${context.length} bytes`);
    }
    this.name = NAMES[tier];
    this.leastCount = LEAST[tier];
    this.#code = code;
    this.#context = context;
    this.#words = new Uint32Array(context.buffer, context.byteOffset, NATIVE_CONTEXT.SCRATCH / 4);
    this.#memory = memory;
  }

  /**
   * Seals messages in place whose texts and headers are written.
   * @returns how many were sealed: all, unless some leave the memory or have no room for header and tag
   * @throws TypeError when the key was wiped
   */
  seal(key: CounterKey, { at, messageBytes, lastBytes, count, counter }: NativeSealJob): number {
    if (!key.copyTo(this.#context, NATIVE_CONTEXT.KEY)) {
      throw new TypeError("Cannot seal by a key that was wiped");
    }
    this.#prepare(count, counter);
    this.#set(FIRST_AT, at);
    this.#set(MESSAGE_BYTES, messageBytes);
    this.#set(LAST_BYTES, lastBytes);
    this.#code.call(NATIVE_ENTRY.SEAL);
    return this.#words[DONE] ?? 0;
  }

  /**
   * Opens the first `count` messages of the memory's tables, in place.
   * @returns false when the key was wiped, and nothing was opened
   */
  open(key: CounterKey, count: number): boolean {
    if (!key.copyTo(this.#context, NATIVE_CONTEXT.KEY)) return false;
    this.#prepare(count, 0);
    this.#code.call(NATIVE_ENTRY.OPEN);
    return true;
  }

  #prepare(count: number, counter: number): void {
    this.#words[PREFIX] = 0;
    this.#set(COUNTER, counter);
    this.#set(MEMORY, this.#memory.address);
    this.#set(MEMORY_BYTES, this.#memory.lengthBytes);
    this.#set(COUNT, count);
  }

  #set(word: number, value: number): void {
    this.#words[word] = value % WORD;
    this.#words[word + 1] = Math.floor(value / WORD);
  }
}

/** @returns the machine code of a tier; it runs wherever it stands */
export function nativeCode(tier: NativeTier): Uint8Array<ArrayBuffer> {
  return Uint8Array.fromBase64(CODE[tier]);
}

/** @returns machine code that asks the processor what it can do, entered at 0; `readFeatures` reads its answer */
export function featuresCode(): Uint8Array<ArrayBuffer> {
  return Uint8Array.fromBase64(NATIVE_FEATURES);
}

/** How much memory the answer takes. */
export const FEATURES_BYTES = 16;

/** What a tier needs: bits of the answer's words (SDM volume 2, CPUID; volume 1, §13.1 for XCR0, the last word). */
const [LEAF7_EBX, LEAF7_ECX, LEAF1_ECX, XCR0] = [0, 1, 2, 3] as const;
type Needed = readonly (readonly [name: string, word: number, bits: readonly number[]])[];
const NEEDED: Readonly<Record<NativeTier, Needed>> = {
  avx2: [
    // The vector instructions are only there when the system saves their registers.
    ["saved vector registers", LEAF1_ECX, [27]],
    ["saved vector registers", XCR0, [1, 2]],
    ["AVX", LEAF1_ECX, [28]],
    ["AVX2", LEAF7_EBX, [5]],
    ["BMI2", LEAF7_EBX, [8]],
  ],
  avx512: [
    ["saved vector registers", LEAF1_ECX, [27]],
    ["saved vector registers", XCR0, [1, 2, 5, 6, 7]],
    ["AVX", LEAF1_ECX, [28]],
    ["BMI2", LEAF7_EBX, [8]],
    ["AVX-512 F, DQ, BW and VL", LEAF7_EBX, [16, 17, 30, 31]],
    ["AVX-512 IFMA", LEAF7_EBX, [21]],
    ["AVX-512 VBMI2", LEAF7_ECX, [6]],
  ],
};

/**
 * @param answer four words, as `featuresCode` writes them
 * @returns what each tier lacks; nothing where it runs
 */
export function missingFeatures(answer: Uint32Array): Readonly<Record<NativeTier, readonly string[]>> {
  const lacking = (tier: NativeTier) => [
    ...new Set(
      NEEDED[tier].filter(([, word, bits]) => bits.some((bit) => (((answer[word] ?? 0) >>> bit) & 1) === 0))
        .map((
          [name],
        ) => name),
    ),
  ];
  return { avx512: lacking("avx512"), avx2: lacking("avx2") };
}

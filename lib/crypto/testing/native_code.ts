/**
 * Machine code of the native cipher, loaded once for all tests of a process, and calls of it with everything that a
 * context can say.
 * @module
 */

import { addressOf, MachineCode } from "../../host/mod.ts";
import {
  CIPHER_LAYOUT,
  FEATURES_BYTES,
  featuresCode,
  missingFeatures,
  MultiBufferCipher,
  NATIVE_CONTEXT_BYTES,
  NativeCipher,
  nativeCode,
  type NativeTier,
  WasmBatchCipher,
  type WasmBatchOptions,
} from "../batch/mod.ts";
import { NATIVE_CONTEXT, NATIVE_ENTRY } from "../batch/native_layout.ts";

/** What this machine runs, by tier. */
export const loadedTiers: ReadonlyMap<NativeTier, MachineCode> = loadTiers();

/** Tiers that it does not run, with the reason. */
export const missingTiers: ReadonlyMap<NativeTier, string> = new Map(
  (["avx512", "avx2"] as const).filter((tier) => !loadedTiers.has(tier)).map((tier) => [tier, whyNot(tier)]),
);

/** @returns a cipher over a memory of its own, of 64 KiB each page */
export function nativeBatchCipher(
  tier: NativeTier,
  pages: number,
  options: Omit<WasmBatchOptions, "native"> = {},
): WasmBatchCipher {
  const code = loadedTiers.get(tier);
  if (code === undefined) throw new Error(`The tier ${tier} does not run here`);
  return new WasmBatchCipher(pages, {
    ...options,
    native: (memory) =>
      new NativeCipher(tier, code, { address: addressOf(memory), lengthBytes: memory.buffer.byteLength }),
  });
}

/** @returns a cipher of several messages by the tier of eight lanes; closing it gives back nothing that others use */
export function multiBufferCipher(): MultiBufferCipher {
  const code = loadedTiers.get("avx2");
  if (code === undefined) throw new Error("The tier avx2 does not run here");
  const native = (memory: Uint8Array<ArrayBuffer>) =>
    new NativeCipher("avx2", code, { address: addressOf(memory), lengthBytes: memory.length });
  return new MultiBufferCipher(native, () => {});
}

/** Where a message is, header and tag included. */
export interface Place {
  readonly at: number;
  readonly lengthBytes: number;
}

/** Calls without checks, over memory that ends at a page which nobody may touch, and begins behind one. */
export class RawNative {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Everything that a call works with. */
  readonly context: Uint8Array<ArrayBuffer>;
  readonly #code: MachineCode;
  readonly #view: DataView;
  readonly #memory: DataView;

  /** @param memory a multiple of 4,096 bytes long */
  constructor(tier: NativeTier, { context: memory }: Pick<MachineCode, "context">) {
    const code = loadedTiers.get(tier);
    if (code === undefined) throw new Error(`The tier ${tier} does not run here`);
    this.#code = code;
    this.bytes = memory;
    this.context = code.context;
    this.#view = new DataView(this.context.buffer, this.context.byteOffset);
    this.#memory = new DataView(memory.buffer, memory.byteOffset);
  }

  /**
   * Seals messages that stand side by side.
   * @param nonce of the first, 12 bytes
   * @returns how many were sealed
   */
  seal(
    key: Uint8Array,
    nonce: Uint8Array,
    job: {
      readonly at: number;
      readonly messageBytes: number;
      readonly lastBytes: number;
      readonly count: number;
    },
  ): number {
    this.#set("FIRST_AT", job.at);
    this.#set("MESSAGE_BYTES", job.messageBytes);
    this.#set("LAST_BYTES", job.lastBytes);
    return this.#call(NATIVE_ENTRY.SEAL, key, nonce, job.count);
  }

  /**
   * Opens messages; the numbers of the table are 0 unless given, so that the nonce alone counts.
   * @returns the results of the table
   */
  open(
    key: Uint8Array,
    nonce: Uint8Array,
    places: readonly Place[],
    counters: readonly number[] = [],
  ): number[] {
    for (const [i, { at, lengthBytes }] of places.entries()) {
      this.#memory.setInt32(CIPHER_LAYOUT.TABLE_AT + 4 * i, at, true);
      this.#memory.setInt32(CIPHER_LAYOUT.TABLE_LENGTH + 4 * i, lengthBytes, true);
      this.#memory.setFloat64(CIPHER_LAYOUT.TABLE_COUNTER + 8 * i, counters[i] ?? 0, true);
    }
    this.#call(NATIVE_ENTRY.OPEN, key, nonce, places.length);
    return places.map((_, i) => this.#memory.getInt32(CIPHER_LAYOUT.TABLE_RESULT + 4 * i, true));
  }

  #call(entry: number, key: Uint8Array, nonce: Uint8Array, count: number): number {
    const address = BigInt(Deno.UnsafePointer.value(Deno.UnsafePointer.of(this.bytes)));
    this.context.set(key, NATIVE_CONTEXT.KEY);
    this.context.set(nonce.subarray(0, 4), NATIVE_CONTEXT.NONCE_PREFIX);
    this.context.set(nonce.subarray(4), NATIVE_CONTEXT.COUNTER);
    this.#view.setBigUint64(NATIVE_CONTEXT.MEMORY, address, true);
    this.#set("MEMORY_BYTES", this.bytes.length);
    this.#set("COUNT", count);
    this.#code.call(entry);
    return Number(this.#view.getBigUint64(NATIVE_CONTEXT.DONE, true));
  }

  #set(word: keyof typeof NATIVE_CONTEXT, value: number): void {
    this.#view.setBigUint64(NATIVE_CONTEXT[word], BigInt(value), true);
  }
}

/** @returns memory between two pages that nobody may touch; it is never given back */
export function guardedMemory(lengthBytes: number): MachineCode {
  const ret = 0xc3;
  return MachineCode.load(Uint8Array.of(ret), lengthBytes);
}

function loadTiers(): Map<NativeTier, MachineCode> {
  const tiers = new Map<NativeTier, MachineCode>();
  if (Deno.build.os !== "linux" || Deno.build.arch !== "x86_64") return tiers;
  const missing = missingFeatures(askProcessor());
  for (const tier of ["avx512", "avx2"] as const) {
    if (missing[tier].length === 0) tiers.set(tier, MachineCode.load(nativeCode(tier), NATIVE_CONTEXT_BYTES));
  }
  return tiers;
}

function askProcessor(): Uint32Array {
  const features = MachineCode.load(featuresCode(), FEATURES_BYTES);
  features.call(0);
  return new Uint32Array(features.context.buffer, features.context.byteOffset, FEATURES_BYTES / 4);
}

function whyNot(tier: NativeTier): string {
  if (Deno.build.os !== "linux" || Deno.build.arch !== "x86_64") return "needs Linux on x86-64";
  return `the processor lacks ${missingFeatures(askProcessor())[tier].join(", ")}`;
}

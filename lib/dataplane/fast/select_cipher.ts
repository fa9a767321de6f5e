/**
 * Choosing what seals: machine code where this host runs it and it answers right, else WebAssembly, else plain code.
 * @module
 */

import {
  ANSWER_PAGES,
  answersNatively,
  type BatchCipher,
  cipherMemory,
  FEATURES_BYTES,
  featuresCode,
  missingFeatures,
  MultiBufferCipher,
  NATIVE_CONTEXT_BYTES,
  NativeCipher,
  nativeCode,
  type NativeTier,
  nobleAead,
  selectAead,
  WasmBatchCipher,
} from "../../crypto/mod.ts";
import { addressOf, MachineCode } from "../../host/mod.ts";
import type { CipherChoice } from "../packet_plane.ts";
import { PlainBatchCipher } from "./plain_batch_cipher.ts";

/** What seals, and what goes with it. */
export interface SelectedCipher {
  readonly cipher: BatchCipher;
  /** Why machine code does not seal, where it was asked for. */
  readonly nativeProblem?: string | undefined;
  /** Gives back what was loaded; nothing may be sealed or opened afterwards. */
  close(): void;
}

/** Machine code that runs here, loaded. */
export interface LoadedTier {
  readonly tier: NativeTier;
  readonly code: Pick<MachineCode, "context" | "call" | "unload">;
}

/**
 * @param pages of 64 KiB that the cipher's memory is to have
 * @param load finds machine code, or says why there is none; asked only where that may seal
 */
export function selectBatchCipher(
  { cipher: choice, joinsUdp }: { readonly cipher: CipherChoice; readonly joinsUdp: boolean },
  pages: number,
  load: () => LoadedTier | string = loadNative,
): SelectedCipher {
  const close = () => {};
  if (choice === "noble") return { cipher: new PlainBatchCipher(nobleAead, pages), close };
  const found = choice === "auto" || choice === "native" ? load() : undefined;
  try {
    if (typeof found === "object") {
      const { tier, code } = found;
      const native = (memory: WebAssembly.Memory) => new NativeCipher(tier, code, placeOf(memory));
      return { cipher: new WasmBatchCipher(pages, { joinsUdp, native }), close: () => code.unload() };
    }
    const nativeProblem = choice === "native" ? found : undefined;
    return { cipher: new WasmBatchCipher(pages, { joinsUdp }), nativeProblem, close };
  } catch (error) {
    if (typeof found === "object") found.code.unload();
    if (!(error instanceof WebAssembly.CompileError)) throw error;
    return { cipher: new PlainBatchCipher(selectAead(), pages), close };
  }
}

/** @returns the tier of machine code that runs here, or why none does, in words */
export function findNativeTier(): { readonly tier: NativeTier } | string {
  const found = loadNative();
  if (typeof found === "string") return found;
  found.code.unload();
  return { tier: found.tier };
}

/**
 * Machine code beside the packet plane, for records of channels: loaded when it is first asked for, and once.
 *
 * Of eight lanes, whatever else the processor can: there are as many records at a time.
 */
export class MultiBufferLoader implements Disposable {
  readonly #load: () => LoadedTier | string;
  #found: { readonly cipher: MultiBufferCipher | undefined } | undefined;

  /**
   * @param choice of the packet plane, which is not to seal by machine code where that may not
   * @param load finds machine code, or says why there is none
   */
  constructor(choice: CipherChoice, load: () => LoadedTier | string = loadUnasked) {
    this.#load = choice === "auto" || choice === "native" ? load : () => `the cipher is ${choice}`;
  }

  /** @returns the cipher, the same each time; undefined where there is none */
  readonly find = (): MultiBufferCipher | undefined => (this.#found ??= { cipher: this.#make() }).cipher;

  /** Closes the cipher: what is said after that is sealed without. Harmless when repeated. */
  [Symbol.dispose](): void {
    this.#found?.cipher?.close();
    this.#found = { cipher: undefined };
  }

  #make(): MultiBufferCipher | undefined {
    const loaded = this.#load();
    if (typeof loaded === "string") return undefined;
    const { tier, code } = loaded;
    return new MultiBufferCipher(
      (memory) => new NativeCipher(tier, code, placeOf(memory)),
      () => code.unload(),
    );
  }
}

/** Loads the best of these tiers that runs here and answers right. */
function loadNative(tiers: readonly NativeTier[] = ["avx512", "avx2"]): LoadedTier | string {
  const { os, arch } = Deno.build;
  if (os !== "linux" || arch !== "x86_64") return `there is none for ${os} on ${arch}`;
  try {
    const missing = missingFeatures(askProcessor());
    let problem = `the processor lacks ${missing.avx2.join(", ")}`;
    for (const tier of tiers) {
      if (missing[tier].length > 0) continue;
      const code = loadTier(tier);
      if (code !== undefined) return { tier, code };
      problem = "it answers wrong here";
    }
    return problem;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Loads what nobody has asked for: a program without the permission is not to ask its user for it. */
function loadUnasked(): LoadedTier | string {
  if (Deno.permissions.querySync({ name: "ffi" }).state !== "granted") return "--allow-ffi is not given";
  return loadNative(["avx2"]);
}

function askProcessor(): Uint32Array {
  const code = MachineCode.load(featuresCode(), FEATURES_BYTES);
  try {
    code.call(0);
    const { buffer, byteOffset } = code.context;
    return new Uint32Array(buffer, byteOffset, FEATURES_BYTES / 4).slice();
  } finally {
    code.unload();
  }
}

function loadTier(tier: NativeTier): MachineCode | undefined {
  const code = MachineCode.load(nativeCode(tier), NATIVE_CONTEXT_BYTES);
  const memory = cipherMemory(ANSWER_PAGES);
  if (answersNatively(new NativeCipher(tier, code, placeOf(memory)), memory)) return code;
  code.unload();
  return undefined;
}

function placeOf(
  memory: { readonly buffer: ArrayBufferLike },
): { readonly address: number; readonly lengthBytes: number } {
  return { address: addressOf(memory), lengthBytes: memory.buffer.byteLength };
}

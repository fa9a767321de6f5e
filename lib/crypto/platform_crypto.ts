/**
 * The runtime's `node:crypto`, where there is one: a browser has none, and could not even load a module that imports it.
 * @module
 */

import { concatBytes } from "../base/mod.ts";

class PlatformCrypto {
  static #loaded: typeof import("node:crypto") | undefined;

  static load(): typeof import("node:crypto") | undefined {
    return PlatformCrypto.#loaded ??= globalThis.process?.getBuiltinModule?.("node:crypto");
  }
}

/**
 * Loads it at the first call: it takes 30 ms, and most commands use no key.
 * @returns the runtime's `node:crypto`
 * @throws TypeError where there is none, as in a browser
 */
export function requirePlatformCrypto(): typeof import("node:crypto") {
  const platformCrypto = PlatformCrypto.load();
  if (platformCrypto === undefined) throw new TypeError("This runtime has no node:crypto");
  return platformCrypto;
}

// RFC 8410 §4: the 32 bytes of a key stand behind a constant prefix.
const SPKI_PREFIX_BYTES = 12;

/** @param prefix what PKCS #8 puts before the 32 bytes of such a key (RFC 8410 §7) */
export function importPrivateKey(prefix: Uint8Array, bytes: Uint8Array): import("node:crypto").KeyObject {
  const key = concatBytes(prefix, bytes);
  try {
    return requirePlatformCrypto().createPrivateKey({ key: key as Buffer, format: "der", type: "pkcs8" });
  } finally {
    key.fill(0);
  }
}

/** @returns the 32 bytes of the public key */
export function exportPublicKey(privateKey: import("node:crypto").KeyObject): Uint8Array {
  const { createPublicKey } = requirePlatformCrypto();
  const spki = createPublicKey(privateKey as unknown as Parameters<typeof createPublicKey>[0])
    .export({ format: "der", type: "spki" });
  return new Uint8Array(spki.subarray(SPKI_PREFIX_BYTES));
}

/**
 * The runtime's `node:crypto`, where there is one: a browser has none, and could not even load a module that imports it.
 * @module
 */

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

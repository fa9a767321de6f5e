/**
 * The runtime's `node:crypto`, where there is one: a browser has none, and could not even load a module that imports it.
 * @module
 */

let platformCrypto: typeof import("node:crypto") | undefined;

/**
 * Loads it at the first call: it takes 30 ms, and most commands use no key.
 * @returns the runtime's `node:crypto`
 * @throws TypeError where there is none, as in a browser
 */
export function requirePlatformCrypto(): typeof import("node:crypto") {
  platformCrypto ??= globalThis.process?.getBuiltinModule?.("node:crypto");
  if (platformCrypto === undefined) throw new TypeError("This runtime has no node:crypto");
  return platformCrypto;
}

/**
 * The runtime's `node:crypto`, where there is one: a browser has none, and could not even load a module that imports it.
 * @module
 */

/** Undefined in a browser. */
export const platformCrypto: typeof import("node:crypto") | undefined = globalThis.process
  ?.getBuiltinModule?.("node:crypto");

/** @returns the runtime's `node:crypto` @throws TypeError where there is none */
export function requirePlatformCrypto(): typeof import("node:crypto") {
  if (platformCrypto === undefined) throw new TypeError("This runtime has no node:crypto");
  return platformCrypto;
}

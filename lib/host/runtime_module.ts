/**
 * The runtime's own `node:` modules, loaded when they are first used. Every thread that imports one at its beginning has
 * all that those have in common: 15 ms and 6 MB, and most threads and commands use none.
 * @module
 */

interface RuntimeModules {
  readonly "node:fs": typeof import("node:fs");
  readonly "node:path": typeof import("node:path");
  readonly "node:sqlite": typeof import("node:sqlite");
  readonly "node:timers": typeof import("node:timers");
  readonly "node:v8": typeof import("node:v8");
  readonly "node:vm": typeof import("node:vm");
  readonly "node:zlib": typeof import("node:zlib");
}

/** @returns the module, the same at every call @throws TypeError where the runtime has none */
export function runtimeModule<Name extends keyof RuntimeModules>(name: Name): RuntimeModules[Name] {
  const found = globalThis.process?.getBuiltinModule?.(name);
  if (found === undefined) throw new TypeError(`This runtime has no ${name}`);
  return found as RuntimeModules[Name];
}

/**
 * Programs that write to the store of a node until they are killed, for tests of what is there then.
 * @module
 */

import type { DataEngine } from "../../../data/mod.ts";
import { systemClock } from "../../../host/mod.ts";
import { DataStore } from "../data_store.ts";

const NETWORK = "0123456789abcdef";
const url = (path: string) => JSON.stringify(new URL(path, import.meta.url).href);

/** How such a program begins: with `engine`, the store in the folder that is its first argument, and `say`, a line at once. */
const BEGINNING = `
  import { DataStore } from ${url("../data_store.ts")};
  import { systemClock } from ${url("../../../host/mod.ts")};
  const engine = new DataStore(Deno.args[0], "${NETWORK}", systemClock).open();
  const say = (text) => Deno.stdout.writeSync(new TextEncoder().encode(text + "\\n"));
`;

/** A program, and the store that it writes to. */
export interface StoreProgram extends Disposable {
  /** Its file. */
  readonly script: string;
  /** Its first argument. */
  readonly stateDir: string;
  /** Opens what it has left. */
  open(): DataEngine;
}

/** @returns a program, in a folder that is gone at the end @param body goes on with `engine` and `say` */
export function storeProgram(body: string): StoreProgram {
  const dir = Deno.makeTempDirSync({ prefix: "weft-store-kill-" });
  const [script, stateDir] = [`${dir}/program.ts`, `${dir}/state`];
  Deno.writeTextFileSync(script, BEGINNING + body);
  return {
    script,
    stateDir,
    open: () => new DataStore(stateDir, NETWORK, systemClock).open(),
    [Symbol.dispose]: () => Deno.removeSync(dir, { recursive: true }),
  };
}

/**
 * A program that offers `roll` by way of an agent until it is asked to stop: `STATE_DIR NAME`.
 * @module
 */

import { Node, stopOnSignals } from "../../../mod.ts";

const [stateDir = "", name = ""] = Deno.args;
const node = await Node.attach({ stateDir });
using _signals = stopOnSignals(node);
const after = (ms: number) => new Promise<string>((resolve) => setTimeout(() => resolve(name), ms));
await node.addService({
  path: "roll",
  actions: {
    read: { idempotent: true, handler: () => after(20) },
    /** Still runs when its program is asked to stop. */
    work: (what: string) => {
      // deno-lint-ignore no-console -- the test reads it
      console.log(`working while the ${what} stops`);
      return after(1_500);
    },
  },
});
// deno-lint-ignore no-console -- the test reads it
console.log("ready", name);
await node.closed;

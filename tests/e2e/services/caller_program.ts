/**
 * A program that calls `work` of another node, one call at a time or many at once: `TOKEN NAME STATE_DIR PORT`.
 * @module
 */

import { Node } from "../../../mod.ts";

/** Fewer than a node lets wait, and more than another can answer in a second. */
const IN_FLIGHT = 16_000;

const [token = "", name = "", stateDir = "", port = ""] = Deno.args;
await using node = await Node.join(token, { name, stateDir, port, endpoints: `127.0.0.1:${port}` });
let isFlooding = false;
await node.addService({
  path: name,
  actions: {
    /** Calls without a pause, as many at once as there is room for. */
    flood: (isOn: boolean) => {
      if (isOn && !isFlooding) { for (let i = 0; i < IN_FLIGHT; i++) void callForEver(); }
      isFlooding = isOn;
    },
    /** @returns how long each of `count` calls took, one after the other, in milliseconds */
    measure: async (count: number) => {
      const tookMs: number[] = [];
      for (let i = 0; i < count; i++) {
        const calledAt = performance.now();
        await node.request("work/answer", i);
        tookMs.push(performance.now() - calledAt);
      }
      return tookMs;
    },
  },
});
// deno-lint-ignore no-console -- the test reads it
console.log("ready", node.name);
await node.closed;

async function callForEver(): Promise<void> {
  do {
    await node.request("work/keepBusy", 0, { timeoutMs: 60_000 }).catch(() => {});
  } while (isFlooding);
}

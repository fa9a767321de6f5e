/**
 * A program that offers a service: `TOKEN NAME STATE_DIR PORT`, or `attach NAME STATE_DIR` for the agent there.
 * @module
 */

import { ActionError, Node } from "../../../mod.ts";

const [token = "", name = "", stateDir = "", port = ""] = Deno.args;
await using node = token === "attach"
  ? await Node.attach({ stateDir })
  : await Node.join(token, { name, stateDir, port, endpoints: `127.0.0.1:${port}` });
await node.addService({
  path: token === "attach" ? "local" : "math",
  version: "1.2.0",
  description: "Sums",
  port: 8080,
  protocol: "http",
  actions: {
    add: { idempotent: true, handler: ({ a, b }: { a: number; b: number }) => a + b },
    name: () => name,
    bytes: () => Uint8Array.of(1, 2, 255),
    nothing: () => undefined,
    async *count({ to }: { to: number }) {
      for (let i = 1; i <= to; i++) yield await Promise.resolve(i);
    },
    fail: () => {
      throw new ActionError("OutOfStock", "No tea is left");
    },
    sleep: () => new Promise((resolve) => setTimeout(resolve, 30_000)),
    say: async ({ what }: { what: string }) => await node.publish("said/something", { what, by: name }),
  },
  events: { added: {} },
});
// deno-lint-ignore no-console -- the test reads it
console.log("ready", name);
await node.closed;

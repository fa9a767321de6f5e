/**
 * What the documented commands talk to: `stage_program.ts STATE_DIR` attaches to the agent there and offers `math` and
 * `report`, and publishes until it is ended; `stage_program.ts STATE_DIR --http PORT …` answers HTTP as well.
 * @module
 */

import { Node } from "../../../mod.ts";

const [stateDir = "", ...ports] = Deno.args;

await using node = await Node.attach({ stateDir });
await node.addService({
  path: "math",
  actions: { add: ({ a, b }: { a: number; b: number }) => a + b },
});
await node.addService({ path: "report", actions: { monthly: () => "nothing happened" } });
// Of two such programs one owns it, and the other may hear of that too late.
const orders = await node.collection("orders", { key: "id" }).catch(() => undefined);
for (const port of ports) {
  Deno.serve({ hostname: "0.0.0.0", port: Number(port), onListen: () => {} }, () => new Response("hello\n"));
}
let total = 100;
const timer = setInterval(() => {
  // Lines of the documentation drop it.
  orders?.put({ id: 7, status: "open", total: total++ }).catch(() => {});
  void node.publish("orders/placed", { id: 7 });
  void node.publish("sensors/hall/temperature", { celsius: 19 });
}, 300);
// deno-lint-ignore no-console -- whoever started this program waits for the line
console.log("ready");
await node.closed;
clearInterval(timer);

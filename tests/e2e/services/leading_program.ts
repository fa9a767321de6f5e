/**
 * A program of which several run, and one leads: `TOKEN NAME STATE_DIR PORT`.
 * @module
 */

import { Node } from "../../../mod.ts";

const [token = "", name = "", stateDir = "", port = ""] = Deno.args;
await using node = await Node.join(token, { name, stateDir, port, endpoints: [`127.0.0.1:${port}`].join() });
await node.addService({ path: "jobs", mode: "leader", actions: { who: () => name } });
// deno-lint-ignore no-console -- the test reads it
console.log("ready", node.name);
await node.closed;

/**
 * A program for runtimes that have WebSocket and nothing of Deno: joins, calls `math/add` and waits for an event.
 * @module
 */

import { PageNode } from "../../browser.ts";

// deno-lint-ignore no-process-global -- Node.js and Bun have it
const node = await PageNode.join(process.argv[2] ?? "", { name: "guest" });
const heard = Promise.withResolvers<unknown>();
const subscription = await node.subscribe("math/said", ({ data }) => heard.resolve(data));
await subscription.ready;
const sum = await node.request("math/add", { a: 1n, b: 2n });
// A leader that has just started may not have been given the path yet, and what it publishes there goes nowhere before.
const asking = setInterval(() => void node.request("math/say").catch(() => {}), 300);
const said = await heard.promise;
clearInterval(asking);
// deno-lint-ignore no-console -- whoever started this program reads the line
console.log(`${sum} ${said instanceof Date ? said.toISOString() : "no date"}`);
await node.stop();

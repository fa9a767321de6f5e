/**
 * Tests of programs that use weft, in milliseconds: a mesh of nodes in memory under a virtual clock, with cuts and delays.
 *
 * A program is written for a `ServiceNode`, or a `DataNode` if it has collections or queues; it is handed a `Node` where it
 * runs, and a `TestNode` where it is tested. The
 * nodes of a test run the code that real ones run, with their deadlines, retries and elections; made up is the network. What
 * needs one, such as `dial` and overlay networks, is not there. Collections and queues are kept in memory, in a database of
 * each node that outlives its crashes; leases and delays go by the virtual clock.
 *
 * @example A service goes on by another node when one crashes, and the first takes its turn again
 * ```ts
 * import assert from "node:assert/strict";
 * import type { ServiceNode } from "@weft/mesh";
 * import { TestMesh } from "@weft/mesh/testing";
 *
 * // What is to be tested.
 * async function offerStock(node: ServiceNode): Promise<void> {
 *   await node.addService({ path: "stock", actions: { count: { idempotent: true, handler: () => node.name } } });
 * }
 *
 * await using mesh = new TestMesh({ seed: 7 });
 * const shop = await mesh.addNode("shop");
 * await mesh.addNode("east", { setup: offerStock });
 * await mesh.addNode("west", { setup: offerStock });
 * mesh.impair({ delayMs: 40, jitterMs: 10 });
 *
 * const call = shop.request("stock/count");
 * mesh.crash("east");
 * assert.equal(await mesh.until(call), "west");
 * assert.ok(mesh.nowMs >= 80);
 *
 * await mesh.restart("east");
 * const both = [shop.request("stock/count"), shop.request("stock/count")];
 * assert.deepEqual((await mesh.until(Promise.all(both))).sort(), ["east", "west"]);
 * assert.deepEqual(mesh.logs.filter(({ level }) => level === "error"), []);
 * ```
 *
 * @example A message comes again when its worker crashes, and is handled once
 * ```ts
 * import assert from "node:assert/strict";
 * import type { DataNode } from "@weft/mesh";
 * import { TestMesh } from "@weft/mesh/testing";
 *
 * // What is to be tested.
 * async function sendMails(node: DataNode): Promise<void> {
 *   const mails = await node.queue<string>("mails", { leaseMs: 30_000 });
 *   const sent = await node.collection<{ id: string; by: string }>("sent", { key: "id" });
 *   mails.work(async (message) => {
 *     await mesh.sleep(1_000);
 *     await message.commit((tx) => tx.post(sent, { id: message.value, by: node.name }));
 *   });
 * }
 *
 * await using mesh = new TestMesh({ seed: 7 });
 * const post = await mesh.addNode("post");
 * const mails = await post.queue<string>("mails");
 * const sent = await post.collection<{ id: string; by: string }>("sent", { key: "id" });
 * await mesh.addNode("east", { setup: sendMails });
 * await mails.push("to ann");
 * await mesh.advance(500);
 * mesh.crash("east");
 * await mesh.addNode("west", { setup: sendMails });
 * await mesh.advance(60_000);
 * assert.deepEqual(await mesh.until(sent.get("to ann")), { id: "to ann", by: "west" });
 * ```
 *
 * @module
 */

export {
  type LinkImpairment,
  type LogLine,
  type NodeRef,
  type SentMessage,
  type TestGrants,
  TestMesh,
  type TestMeshOptions,
  TestNode,
  type TestNodeOptions,
} from "./lib/test_mesh/mod.ts";

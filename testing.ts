/**
 * Tests of programs that use weft, in milliseconds: a mesh of nodes in memory under a virtual clock, with cuts and delays.
 *
 * A program is written for a `ServiceNode`; it is handed a `Node` where it runs, and a `TestNode` where it is tested. The
 * nodes of a test run the code that real ones run, with their deadlines, retries and elections; made up is the network. What
 * needs one, such as `dial` and overlay networks, is not there.
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

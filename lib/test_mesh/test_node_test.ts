import assert from "node:assert/strict";
import type { Node } from "../agent/mod.ts";
import type { DataNode } from "../data/mod.ts";
import type { TestNode } from "./mod.ts";

/** What a `Node` has and can't have without a network. */
type OfNetworks = "dial" | "listen" | "createNetwork" | "networks" | "routes" | "createEndpoint" | "leave";
/** What a `Node` does between its disk and its servers, of which a `TestNode` has neither. */
type OfServers = "moveCollection" | "abortCollectionMove";
Deno.test("DataNode has everything of a Node that needs no network or disk, and so has TestNode", () => {
  type Elsewhere = OfNetworks | OfServers;
  const isComplete: Exclude<keyof Node, keyof DataNode | Elsewhere> extends never ? true : false = true;
  const isNoMore: Exclude<keyof DataNode, keyof Node> extends never ? true : false = true;
  const isTested: TestNode extends DataNode ? true : false = true;
  assert.ok(isComplete && isNoMore && isTested, "the types say it");
});

import assert from "node:assert/strict";
import type { Node } from "../agent/mod.ts";
import type { ServiceNode } from "../service/mod.ts";
import type { TestNode } from "./mod.ts";

/** What a `Node` has and can't have without a network. */
type OfNetworks = "dial" | "listen" | "createNetwork" | "networks" | "routes" | "createEndpoint" | "leave";

Deno.test("ServiceNode has everything of a Node that needs no network, and so has TestNode", () => {
  const isComplete: Exclude<keyof Node, keyof ServiceNode | OfNetworks> extends never ? true : false = true;
  const isNoMore: Exclude<keyof ServiceNode, keyof Node> extends never ? true : false = true;
  const isTested: TestNode extends ServiceNode ? true : false = true;
  assert.ok(isComplete && isNoMore && isTested, "the types say it");
});

import assert from "node:assert/strict";
import type { Channel } from "../../channel/mod.ts";
import type { NodeId } from "../../mesh/mod.ts";
import { Endpoint } from "../../net/mod.ts";
import { type Link, type LinkWay, preferredLink } from "./link_table.ts";

const small = "1".repeat(32) as NodeId;
const large = "f".repeat(32) as NodeId;
const direct: LinkWay = { kind: "direct", endpoint: Endpoint.parse("192.0.2.1:51820") ?? assert.fail() };
const relayed: LinkWay = { kind: "relay", via: "7".repeat(32) as NodeId };
const link = (nodeId: NodeId, dialler: "us" | "them", way: LinkWay = direct): Link => ({
  nodeId,
  dialler,
  way,
  channel: {} as Channel,
});

Deno.test("preferredLink() keeps the same channel on both ends", () => {
  const smallDialledAtSmall = link(large, "us");
  const largeDialledAtSmall = link(large, "them");
  assert.equal(preferredLink(small, smallDialledAtSmall, largeDialledAtSmall), smallDialledAtSmall);
  assert.equal(preferredLink(small, largeDialledAtSmall, smallDialledAtSmall), smallDialledAtSmall);

  const smallDialledAtLarge = link(small, "them");
  const largeDialledAtLarge = link(small, "us");
  assert.equal(preferredLink(large, smallDialledAtLarge, largeDialledAtLarge), smallDialledAtLarge);
  assert.equal(preferredLink(large, largeDialledAtLarge, smallDialledAtLarge), smallDialledAtLarge);
});

Deno.test("preferredLink() replaces a link by a newer one of the same direction", () => {
  const older = link(large, "them");
  const newer = link(large, "them");
  assert.equal(preferredLink(small, older, newer), newer);
});

Deno.test("preferredLink() prefers a link that goes through nobody else, whoever dialled it", () => {
  for (const [dialler, other] of [["us", "them"], ["them", "us"], ["us", "us"]] as const) {
    const straight = link(large, dialler);
    const through = link(large, other, relayed);
    assert.equal(preferredLink(small, straight, through), straight);
    assert.equal(preferredLink(small, through, straight), straight);
  }
});

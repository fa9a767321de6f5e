import assert from "node:assert/strict";
import type { Channel } from "../../channel/mod.ts";
import type { NodeId } from "../../mesh/mod.ts";
import { type Link, preferredLink } from "./link_table.ts";

const small = "1".repeat(32) as NodeId;
const large = "f".repeat(32) as NodeId;
const link = (nodeId: NodeId, dialler: "us" | "them"): Link => ({ nodeId, dialler, channel: {} as Channel });

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

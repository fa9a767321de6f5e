/**
 * What happened where nobody could hear it: a leader that changed its keys alone, and a member whose leader was removed
 * before it told anybody.
 * @module
 */

import assert from "node:assert/strict";
import type { OverlayBootstrap } from "../../mod.ts";
import { freePort, labTest, waitFor } from "../lab/mod.ts";
import { Members, tokenOf } from "./member_nodes.ts";

const BOUND_MS = 30_000;

/** Waits until a node has links to all of these. */
async function untilLinked({ control }: OverlayBootstrap, ...names: readonly string[]): Promise<void> {
  const linked = () => control.peers().filter(({ channel }) => channel === "open").map(({ name }) => name);
  await waitFor(() => names.every((name) => linked().includes(name)), BOUND_MS, {
    what: `${names.join()} linked`,
  });
}

Deno.test("a leader that changes its keys while it is alone is found by its members, and goes on", async () => {
  await using mesh = await Members.create();
  const lead = await mesh.lead("lead");
  const token = tokenOf(lead.control);
  const web = await mesh.join(token, "web");
  await untilLinked(lead, "web");
  await web.stop();
  const former = lead.control.status().node.publicKey;
  for (let times = 0; times < 2; times++) await lead.control.rotateKey();
  const back = await mesh.resume("web");
  const { publicKey } = lead.control.status().node;
  assert.notEqual(publicKey, former);
  const isFound = () =>
    back.control.peers().some((peer) => peer.publicKey === publicKey && peer.channel === "open");
  await waitFor(isFound, BOUND_MS, { what: "it has a link to it under its new keys" });
  assert.deepEqual(back.control.peers().map(({ name }) => name), ["lead"]);
  // And it lets others in under its new keys.
  const db = await mesh.join(tokenOf(lead.control), "db");
  await untilLinked(db, "lead", "web");
});

labTest(
  "a member whose leader was removed before it told anybody is let in again by its token",
  ["thorough"],
  async () => {
    await using mesh = await Members.create();
    const port = freePort();
    const lead = await mesh.lead("lead", { port, endpoints: `127.0.0.1:${port}` });
    const lost = await mesh.join(tokenOf(lead.control), "lost");
    await untilLinked(lead, "lost");
    await lead.control.promoteLeader("lost");
    const token = tokenOf(lead.control);
    await waitFor(() => lost.control.listTokens().length === 2, BOUND_MS, { what: "both know the token" });
    await lead.stop();
    const web = await mesh.join(token, "web");
    await untilLinked(web, "lost");
    await lost.stop();
    const again = await mesh.resume("lead", { port, endpoints: `127.0.0.1:${port}` });
    again.control.removePeer("lost");
    assert.equal(again.control.members().some(({ name }) => name === "web"), false);
    await waitFor(() => again.control.members().some(({ name }) => name === "web"), 120_000, {
      what: "it has been let in again",
    });
    await untilLinked(web, "lead");
    assert.equal(web.control.status().warnings, undefined);
    assert.match(String(web.nodeIp()), /^10\.200\./);
  },
);

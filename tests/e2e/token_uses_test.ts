/**
 * A token with a limit, at two leaders at once.
 * @module
 */

import assert from "node:assert/strict";
import { JoinToken } from "../../lib/mesh/mod.ts";
import { waitFor } from "../lab/mod.ts";
import { Members, tokenOf } from "./member_nodes.ts";

const USES = 3;
const MACHINES = 8;

Deno.test("a token for three machines lets in exactly three of eight that ask two leaders at the same time", async () => {
  await using mesh = await Members.create();
  const lead = await mesh.lead("lead");
  const second = await mesh.join(tokenOf(lead.control), "second");
  const untilLinked = () => lead.control.peers()[0]?.channel === "open";
  await waitFor(untilLinked, 20_000, { what: "they have a link" });
  await lead.control.promoteLeader("second");
  const token = JoinToken.parse(tokenOf(lead.control, { uses: USES }));
  assert(token instanceof JoinToken);
  await waitFor(() => second.control.listTokens().length === 2, 20_000, { what: "both know the token" });
  const [one, other] = token.leaders;
  assert(one !== undefined && other !== undefined, "a token names both");
  // Each machine asks another leader first, and then no other one.
  const { networkId, tokenId, cidr, secret, expiresAt } = token;
  const texts = [one, other].map(({ publicKey, endpoints }) =>
    new JoinToken({ networkId, tokenId, cidr, secret, expiresAt, leaderPublicKey: publicKey, endpoints })
      .encode()
  );
  const joins = Array.from(
    { length: MACHINES },
    (_, i) => mesh.join(texts[i % 2] ?? "", `machine-${i}`),
  );
  const results = await Promise.allSettled(joins);
  const failures = results.filter((result) => result.status === "rejected").map(({ reason }) =>
    String(reason)
  );
  assert.equal(results.length - failures.length, USES, failures.join("\n"));
  for (const failure of failures) assert.match(failure, /Cannot join: the leader refused/);
  const all = ["lead", "second"].length + USES;
  for (const { control } of [lead, second]) {
    await waitFor(() => control.members().length === all, 20_000, { what: "both know all" });
    assert.equal(control.listTokens().find(({ id }) => id === tokenId)?.used, USES);
  }
});

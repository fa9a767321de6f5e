/**
 * A TCP flow through the mesh goes on when an end is carried to another network, also when that end only receives.
 * @module
 */

import assert from "node:assert/strict";
import { Internet, labTest, longestGap, nodeOn, PACKET_PLANE, programsOf } from "../../lab/mod.ts";

/** On a quiet machine it is 0.1 s, and 1.7 s without UDP; before it was noticed by silence it never went on. */
const BOUND_MS = 15_000;

const NAT = "endpoint-independent-nat";

for (const abroad of ["endpoint-dependent-nat", "udp-blocked"] as const) {
  const needs = [...PACKET_PLANE, ...programsOf([NAT, abroad])];
  labTest(
    `a flow goes on when who receives it is carried from a NAT to ${abroad}, and back`,
    needs,
    async () => {
      await using internet = await Internet.of({ hub: "open", laptop: NAT, server: NAT });
      const token = await nodeOn(internet, "hub").startLeader();
      const [laptop, server] = await Promise.all(["laptop", "server"].map(async (name) => {
        const { node } = await nodeOn(internet, name).start("--join", token);
        return { host: internet.host(name), address: node.addresses[0] ?? assert.fail() };
      }));
      assert(laptop && server);
      const home = laptop.host.network ?? assert.fail();
      const elsewhere = await internet.network(abroad);
      const there = await longestGap(server, laptop, BOUND_MS, () => laptop.host.moveTo(elsewhere));
      assert.ok(there !== undefined, "it does not go on there");
      const back = await longestGap(server, laptop, BOUND_MS, () => laptop.host.moveTo(home));
      assert.ok(back !== undefined, "it does not go on at home again");
      // deno-lint-ignore no-console -- what was measured
      console.log(`it stood still for ${there} and ${back} ms`);
    },
  );
}

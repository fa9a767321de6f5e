/**
 * A running node's interface, names and sessions when a leader calls it something else or gives it another address, and when
 * it leaves.
 * @module
 */

import assert from "node:assert/strict";
import {
  type Host,
  Lab,
  labTest,
  PACKET_PLANE,
  pingOnce,
  startMesh,
  untilAllKnowAll,
  waitFor,
} from "../lab/mod.ts";

const BOUND_MS = 20_000;

async function resolve(host: Host, name: string): Promise<string | undefined> {
  const { stdout } = await host.namespace.run(["getent", "ahostsv4", name]);
  return stdout.split(/\s/)[0] || undefined;
}

labTest(
  "weft peer rename and address: packets and names follow at once; weft leave takes everything back",
  [...PACKET_PLANE, "getent"],
  async (test) => {
    await using lab = await Lab.create(["A", "B", "C"]);
    const { nodes } = await startMesh(lab, ["A", "B", "C"]);
    await untilAllKnowAll(nodes);
    const [a, b, c] = nodes;
    assert(a && b && c);
    const before = b.address;

    await test.step("a new name", async () => {
      await a.weft.expectCommand("peer", "rename", "b", "shop");
      for (const { host } of nodes) {
        await waitFor(async () => await resolve(host, "shop") === before, BOUND_MS, {
          what: "shop is found",
        });
        assert.equal(await resolve(host, "b.weft.internal"), undefined);
      }
    });

    await test.step("a new address", async () => {
      await a.weft.expectCommand("peer", "address", "shop", "10.200.7.7");
      const others = [a, c];
      for (const { host } of others) {
        await waitFor(async () => await resolve(host, "shop") === "10.200.7.7", BOUND_MS, {
          what: "it is known",
        });
        await waitFor(async () => await pingOnce(host, "10.200.7.7") >= 0, BOUND_MS, { what: "it is there" });
        await pingOnce(b.host, host === a.host ? a.address : c.address);
        assert.equal((await host.namespace.run(["ping", "-c", "1", "-W", "1", before])).code !== 0, true);
      }
      // Its own resolver asks at the new address.
      await waitFor(async () => await resolve(b.host, "c") === c.address, BOUND_MS, {
        what: "b finds names",
      });
      const addresses = await b.host.namespace.expectRun(["ip", "-4", "address", "show", "dev", "weft0"]);
      assert.match(addresses, /10\.200\.7\.7/);
      assert(!addresses.includes(`${before}/`), addresses);
      await waitFor(async () => (await a.weft.status()).peers.every(({ healthy }) => healthy), BOUND_MS, {
        what: "all are healthy",
      });
    });

    await test.step("it leaves", async () => {
      assert.match(await b.weft.expectCommand("leave"), /^shop has left the network/);
      const links = await b.host.namespace.expectRun(["ip", "link"]);
      assert(!links.includes("weft0"), links);
      const { peers } = await a.weft.status();
      assert.deepEqual(peers.map(({ name }) => name), ["c"]);
      const audit = await a.weft.expectCommand("audit", "--json");
      const kinds = audit.trim().split("\n").map((line) => JSON.parse(line).kind);
      assert.deepEqual(kinds.slice(-3), ["renamed", "readdressed", "left"]);
    });
  },
);

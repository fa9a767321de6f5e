import assert from "node:assert/strict";
import {
  Lab,
  labTest,
  measureThroughput,
  PACKET_PLANE,
  startMesh,
  untilAllKnowAll,
  waitFor,
} from "../../lab/mod.ts";
import { answers, attach, createNetwork, networksOf, untilAnswers } from "./overlay_mesh.ts";

/** `endpoint (A) ─ blue ─ gateway (C) ─┬─ mesh ─ B`, and to D, which is no member and knows the lab's addresses alone. */
labTest(
  "gateway: an overlay network reaches the mesh and the outside, until the gateway stops",
  [...PACKET_PLANE, "nft", "iperf3"],
  async () => {
    await using lab = await Lab.create(["A", "B", "C", "D"]);
    const { nodes } = await startMesh(lab, ["A", "B", "C"]);
    const [a, b, c] = nodes;
    assert(a !== undefined && b !== undefined && c !== undefined);
    await untilAllKnowAll(nodes);
    const d = lab.host("D");
    await c.host.namespace.ip(`route add default via ${d.address4}`);
    const block = ["--cidr", "10.0.0.0/24"];
    await createNetwork(nodes, "blue", ...block, "--vni", "1001", "--gateway", "c");
    const web = await attach(lab, a, "blue", "web-1");
    await web.namespace.ip("route add default via 10.0.0.1");
    await untilAnswers(web.namespace, "10.0.0.1");
    await untilAnswers(web.namespace, b.address);
    await untilAnswers(web.namespace, d.address4);
    const there = { place: d.namespace, address: d.address4 };
    assert((await measureThroughput(web.namespace, there, ["-t", "1"])).bitsPerSecond > 20e6);
    assert((await measureThroughput(web.namespace, there, ["-t", "1", "-R"])).bitsPerSecond > 20e6);

    // Another network that the same host leads out of stays another world.
    await createNetwork(nodes, "green", "--cidr", "10.1.0.0/24", "--vni", "1002", "--gateway", "c");
    const other = await attach(lab, b, "green", "web-1");
    await other.namespace.ip("route add default via 10.1.0.1");
    await untilAnswers(other.namespace, d.address4);
    assert(!await answers(other.namespace, web.address), "the gateway routes between two networks");
    assert(!await answers(web.namespace, other.address), "the gateway routes between two networks");

    // With the same addresses it can't be told on that host whose a packet is.
    await createNetwork(nodes, "red", ...block, "--vni", "1003", "--gateway", "c");
    const refused = await waitFor(
      async () => {
        const red = (await networksOf(c.weft)).find(({ name }) => name === "red");
        return red?.endpoints.find(({ state }) => state === "failed");
      },
      10_000,
      { what: "the gateway of red is refused" },
    );
    assert.match(refused.problem ?? "", /leads out of the network blue already/);
    assert.match(refused.hint ?? "", /another member/);

    // A crash leaves the rules; the next start makes them anew.
    await c.weft.kill();
    await c.weft.start("up");
    await untilAnswers(web.namespace, d.address4, 30_000);

    assert.equal((await c.weft.stop()).code, 0);
    assert.equal(await c.host.namespace.expectRun(["nft", "list", "ruleset"]), "");
    const forwarding = await c.host.namespace.expectRun(
      ["sh", "-c", "cat /proc/sys/net/ipv4/conf/*/forwarding | sort -u"],
    );
    assert.equal(forwarding.trim(), "0");
  },
);

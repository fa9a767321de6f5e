/**
 * `weft netcheck` behind a NAT, without an agent and with one.
 * @module
 */

import assert from "node:assert/strict";
import type { NetcheckReport } from "../../../lib/api/mod.ts";
import { labTest, NAMESPACES, trustedProgram, WeftNode } from "../../lab/mod.ts";
import { HomeNetwork, MAPPING_TOOLS } from "./home_network.ts";

const SERVERS = [3478, 3479].map((port) => `${HomeNetwork.OUTSIDE}:${port}`);

labTest(
  "weft netcheck says what a NAT with PCP is like, without an agent and with one",
  [...NAMESPACES, ...MAPPING_TOOLS],
  async () => {
    await using home = await HomeNetwork.create({ speaks: { upnp: false, natPmp: true } });
    const server = home.use(
      home.outside.spawn(trustedProgram("stun_server.ts", [HomeNetwork.OUTSIDE, "3478", "3479"])),
    );
    await server.until(({ stdout }) => stdout.includes("ready"), 20_000, "it is ready");
    const node = home.use(
      new WeftNode(home.home, {
        name: "home",
        stateDir: `${home.lab.scratch.path}/home`,
        args: ["--rootless", "--status-port", "off"],
        env: { HTTPS_PROXY: "http://somebody:secret@proxy.example:3128" },
      }),
    );
    const check = async (): Promise<NetcheckReport> => {
      const stun = SERVERS.flatMap((each) => ["--stun-server", each]);
      return JSON.parse(await node.expectCommand("netcheck", "--json", ...stun));
    };

    const alone = await check();
    assert.equal(alone.udp, true);
    assert.deepEqual(alone.ipv4, {
      isThere: true,
      addresses: [HomeNetwork.HOME],
      gateway: HomeNetwork.ROUTER,
    });
    assert.equal(alone.ipv6.isThere, false);
    assert.equal(alone.mappingVaries, true, JSON.stringify(alone.stun));
    assert.equal(alone.hairpin, false);
    assert.equal(alone.proxy, "proxy.example:3128");
    assert.equal(alone.leaders, undefined);
    assert.deepEqual(alone.stun.map(({ server }) => server).sort(), SERVERS);
    const [mapping] = alone.portMapping;
    assert.equal(`${mapping?.state} ${mapping?.protocol}`, "mapped pcp");
    assert(mapping?.udp?.startsWith(`${HomeNetwork.PUBLIC}:`));
    assert.deepEqual(await home.mappings(), [], "what was tried is given back");

    await node.startLeader();
    await node.untilStatus(
      ({ portMapping }) => portMapping?.[0]?.state === "mapped",
      20_000,
      "its port is mapped",
    );
    const running = await check();
    assert.deepEqual(running.portMapping, [{
      gateway: HomeNetwork.ROUTER,
      state: "mapped",
      protocol: "pcp",
      tcp: `${HomeNetwork.PUBLIC}:51820`,
    }]);
    assert.deepEqual(running.leaders, []);
    assert.equal(running.udp, true);
  },
);

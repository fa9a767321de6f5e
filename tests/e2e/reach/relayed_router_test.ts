/**
 * A router of the mesh that is reached by a relay alone, and leads to the very LAN that it is in, as a home's does.
 * @module
 */

import assert from "node:assert/strict";
import { Internet, labTest, nodeOn, PACKET_PLANE, programsOf, waitFor } from "../../lab/mod.ts";

const BOUND_MS = 20_000;
const PLACE = "endpoint-dependent-nat";
const NAT = { mapping: "address-and-port-dependent", filtering: "address-and-port-dependent" } as const;
const LAN = "192.168.66.0/24";

labTest(
  "routes: the LAN of a router that only a relay reaches, the router's own address in it included",
  ["thorough", ...PACKET_PLANE, ...programsOf([PLACE]), "nft"],
  async () => {
    await using internet = await Internet.of({ leader: "open", laptop: PLACE });
    const home = await internet.addSite("home", { nat: NAT, lanPrefix: "192.168.66" });
    const [routerHost, printer] = [
      await internet.addHost("router", home),
      await internet.addHost("printer", home),
    ];
    assert(routerHost.address4 !== undefined && printer.address4 !== undefined);
    const leader = nodeOn(internet, "leader");
    const token = await leader.startLeader();
    const [laptop, router] = [nodeOn(internet, "laptop"), nodeOn(internet, "router")];
    await Promise.all([laptop, router].map((node) => node.start("--join", token)));
    await router.expectCommand("route", "add", LAN);
    await waitFor(async () => (await leader.get("/routes")).includes(LAN), BOUND_MS, {
      what: "the leader sees the offer",
    });
    await leader.expectCommand("route", "approve", LAN, "router");

    const place = internet.host("laptop").namespace;
    const isReached = async (address: string | undefined): Promise<boolean> =>
      (await place.run(["ping", "-c", "1", "-W", "1", `${address}`])).code === 0;
    for (const address of [printer.address4, routerHost.address4]) {
      await waitFor(() => isReached(address), BOUND_MS, { what: `${address} answers` });
    }
    const toRouter = async () => (await laptop.status()).peers.find(({ name }) => name === "router");
    assert.equal((await toRouter())?.way?.kind, "relay");

    // The address that the router states is led into the mesh now: what carries the mesh must not go there.
    await router.kill();
    await router.start("up");
    await waitFor(
      async () => (await toRouter())?.way?.kind === "relay" && await isReached(printer.address4),
      BOUND_MS,
      {
        what: "the printer answers again",
      },
    );
    // Nor in the search for a better path, which asks at the stated address first of all.
    const ping = await place.run(["ping", "-q", "-i", "0.2", "-c", "15", "-W", "1", routerHost.address4]);
    assert.match(ping.stdout, / 0% packet loss/);
    assert.equal((await toRouter())?.way?.kind, "relay");
  },
);

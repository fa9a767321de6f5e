/**
 * An exit that is reached by a stream alone: what carries the packets does not go through the exit itself.
 * @module
 */

import assert from "node:assert/strict";
import { Internet, labTest, nodeOn, PACKET_PLANE, programsOf, thoroughIf, waitFor } from "../../lab/mod.ts";

const BOUND_MS = 20_000;
/** The world's port for questions by UDP, which gets through the tunnel alone. */
const PORT = 5301;

for (const place of ["udp-blocked", "http-proxy"] as const) {
  labTest(
    `exit: a member at a place of kind ${place} reaches the world through it, and its stream stays`,
    [...PACKET_PLANE, ...programsOf([place]), "nft", ...thoroughIf(place === "http-proxy")],
    async () => {
      await using internet = await Internet.of({
        leader: "open",
        exit: "open",
        laptop: place,
        world: "open",
      });
      const [world, exitHost, laptopHost] = ["world", "exit", "laptop"].map((name) => internet.host(name));
      assert(world?.address4 !== undefined && exitHost?.address4 !== undefined && laptopHost !== undefined);
      const leader = nodeOn(internet, "leader");
      const token = await leader.startLeader();
      const [exit, laptop] = [nodeOn(internet, "exit"), nodeOn(internet, "laptop")];
      await exit.start("--join", token);
      await laptop.start("--join", token);
      await exit.expectCommand("exit", "offer");
      await waitFor(async () => (await leader.get("/routes")).includes("0.0.0.0/0"), BOUND_MS, {
        what: "the leader sees the offer",
      });
      await leader.post("/routes/approve", { network: "0.0.0.0/0" });
      await waitFor(async () => (await laptop.get("/routes")).includes("approved"), BOUND_MS, {
        what: "the laptop hears of it",
      });
      const fromExit = `ip saddr ${exitHost.address4} udp dport ${PORT} counter accept comment "by exit"`;
      const fromElsewhere = `udp dport ${PORT} counter comment "past it"`;
      const chain = `type filter hook input priority 0\n${fromExit}\n${fromElsewhere}`;
      await world.namespace.expectRun(["nft", `table inet seen {\nchain input { ${chain}\n}\n}`]);

      await laptop.expectCommand("exit", "use", "exit");
      const ask = () =>
        laptopHost.namespace.run(["bash", "-c", `echo question > /dev/udp/${world.address4}/${PORT}`]);
      const counted = async (what: string): Promise<number> => {
        const rules = await world.namespace.expectRun(["nft", "list", "table", "inet", "seen"]);
        const line = rules.split("\n").find((rule) => rule.includes(`"${what}"`));
        return Number(/packets (\d+)/.exec(line ?? "")?.[1] ?? assert.fail(rules));
      };
      const untilMore = async (): Promise<void> => {
        const before = await counted("by exit");
        await waitFor(async () => (await ask(), await counted("by exit") > before), BOUND_MS, {
          what: "the world sees the exit's address",
        });
      };
      await untilMore();
      const carried = async (): Promise<string | undefined> =>
        (await laptop.status()).peers.find(({ name }) => name === "exit")?.path;
      // Until then packets to the exit went by the channel.
      await waitFor(async () => await carried() === "carrier", BOUND_MS, {
        what: "a carrier leads to the exit",
      });

      // The links are made anew, though all routes lead into the tunnel.
      await laptop.kill();
      await laptop.start("up");
      await untilMore();
      assert.equal(await counted("past it"), 0);
      assert.equal((await laptop.stop()).code, 0);
    },
  );
}

import assert from "node:assert/strict";
import type { ExitReport } from "../../../lib/api/mod.ts";
import { type Host, Lab, labTest, PACKET_PLANE, startMesh, untilAllKnowAll, waitFor } from "../../lab/mod.ts";

/** Of W, the world: it answers there, behind everybody's default route. */
const OUTSIDE = ["203.0.113.9", "2001:db8:ffff::9"] as const;

/** `C ─ mesh ─ B (exit) ─ W`; A leads. All of them are in one LAN with W, which counts who comes from where. */
labTest(
  "exit: everything goes through the exit, the LAN is reached, and nothing gets out when the exit dies",
  [
    ...PACKET_PLANE,
    "nft",
  ],
  async () => {
    await using lab = await Lab.create(["A", "B", "C", "W"]);
    const [, hostB, hostC, world] = ["A", "B", "C", "W"].map((name) => lab.host(name)) as [
      Host,
      Host,
      Host,
      Host,
    ];
    await makeWorld(world, [hostB, hostC]);
    // Of whom the exit asks for names; it is in the LAN that C is in, too.
    await Deno.writeTextFile(hostB.namespace.resolverConfPath, `nameserver ${world.address4}\n`);
    const { nodes } = await startMesh(lab, ["A", "B", "C"]);
    const [a, b, c] = nodes;
    assert(a !== undefined && b !== undefined && c !== undefined);
    await untilAllKnowAll(nodes);
    const before = await routingOf(hostC);

    await assert.rejects(c.weft.post("/exit", { node: "b" }), /no leader has approved it as an exit/);
    await b.weft.expectCommand("exit", "offer");
    await waitFor(async () => (await a.weft.get("/routes")).includes("::/0"), 20_000, {
      what: "the leader sees it",
    });
    for (const network of ["0.0.0.0/0", "::/0"]) await a.weft.post("/routes/approve", { network });
    await waitFor(async () => (await c.weft.get("/routes")).split("approved").length === 3, 20_000, {
      what: "C hears of both",
    });
    await c.weft.expectCommand("exit", "use", "b");
    for (const address of OUTSIDE) await untilReached(hostC, address);
    assert.deepEqual(await seen(world, "outside", hostC), 0, "the world sees the exit's address alone");
    assert((await seen(world, "outside", hostB)) > 0);
    assert(await isReached(hostC, world.address4), "the LAN is reached");

    // A question for names to a server of the LAN is answered by whom the exit asks.
    await waitFor(
      async () => {
        await hostC.namespace.run(["bash", "-c", `echo question > /dev/udp/${world.address4}/53`]);
        return await seen(world, "names", hostB) > 0;
      },
      20_000,
      { what: "the question comes from the exit" },
    );
    assert.equal(await seen(world, "names", hostC), 0);

    // Somebody goes on all the time, whatever happens.
    await using pinging = hostC.namespace.spawn(["ping", "-n", "-i", "0.05", OUTSIDE[0]]);

    // The exit dies, and comes back.
    await b.weft.kill();
    await assertCut(hostC);
    const report = await waitFor(
      async () => {
        const exit = JSON.parse(await c.weft.get("/exit")) as ExitReport;
        return exit.problem === undefined ? undefined : exit;
      },
      30_000,
      { what: "C says that nothing gets out" },
    );
    assert.match(report.problem ?? "", /b does not answer/);
    assert(await isReached(hostC, world.address4), "the LAN is reached meanwhile");
    await b.weft.start("up");
    for (const address of OUTSIDE) await untilReached(hostC, address, 30_000);

    // So does this node: what it has left keeps everything in until it is there again.
    await c.weft.kill();
    await assertCut(hostC);
    await c.weft.start("up");
    for (const address of OUTSIDE) await untilReached(hostC, address, 30_000);
    await pinging.stop("SIGINT", 5_000);
    assert.equal(await seen(world, "outside", hostC), 0, "nothing has ever got out another way");

    await c.weft.delete("/exit");
    assert(await isReached(hostC, OUTSIDE[0]));
    assert((await seen(world, "outside", hostC)) > 0, "as before");

    // Of one that was killed, the host is left as it was found by a word.
    await c.weft.expectCommand("exit", "use", "b");
    await c.weft.kill();
    await assertCut(hostC);
    assert.match(await c.weft.expectCommand("cleanup"), /^Undid /m);
    assert.deepEqual(await routingOf(hostC), before.filter((line) => !line.includes("weft0")));
    for (const address of OUTSIDE) assert(await isReached(hostC, address));
  },
);

async function makeWorld(world: Host, others: readonly Host[]): Promise<void> {
  await world.namespace.ip(`addr add ${OUTSIDE[0]}/32 dev lo`, `addr add ${OUTSIDE[1]}/128 dev lo`);
  for (const host of others) {
    await host.namespace.ip(
      `route add default via ${world.address4}`,
      `-6 route add default via ${world.address6}`,
    );
  }
  const rules = others.flatMap(({ address4, address6 }) => [
    `ip saddr ${address4} ip daddr ${OUTSIDE[0]} counter comment "outside ${address4}"`,
    `ip6 saddr ${address6} ip6 daddr ${OUTSIDE[1]} counter comment "outside ${address4}"`,
    `ip saddr ${address4} udp dport 53 counter comment "names ${address4}"`,
  ]);
  await world.namespace.expectRun([
    "nft",
    `table inet seen {\nchain input { type filter hook input priority 0\n${rules.join("\n")}\n}\n}`,
  ]);
}

/** @returns packets that have come from a host's own address */
async function seen(world: Host, what: string, { address4 }: Host): Promise<number> {
  const rules = await world.namespace.expectRun(["nft", "list", "table", "inet", "seen"]);
  return rules.split("\n").filter((line) => line.includes(`"${what} ${address4}"`))
    .reduce((sum, line) => sum + Number(/packets (\d+)/.exec(line)?.[1] ?? 0), 0);
}

async function routingOf(host: Host): Promise<readonly string[]> {
  const commands = ["ip rule", "ip -6 rule", "ip route show table all", "ip -6 route show table all"];
  const text = await host.namespace.expectRun(["sh", "-c", commands.join("; ")]);
  // What the kernel notes of neighbours and multicast comes and goes.
  return text.split("\n").filter((line) => !/ff00::\/8|anycast|fe80|weft0/.test(line)).sort();
}

async function assertCut(from: Host): Promise<void> {
  const reached = await Promise.all(OUTSIDE.map((address) => isReached(from, address)));
  assert.deepEqual(reached, [false, false]);
}

async function isReached(from: Host, address: string): Promise<boolean> {
  return (await from.namespace.run(["ping", "-c", "1", "-W", "1", address])).code === 0;
}

async function untilReached(from: Host, address: string, boundMs = 20_000): Promise<void> {
  await waitFor(() => isReached(from, address), boundMs, { what: `${address} answers` });
}

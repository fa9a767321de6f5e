import assert from "node:assert/strict";
import type { LeaderReport } from "../../lib/api/mod.ts";
import { AddressRange } from "../../lib/net/mod.ts";
import {
  Lab,
  labTest,
  type MeshNode,
  nodeOn,
  PACKET_PLANE,
  pingOnce,
  split,
  startMesh,
  untilAllKnowAll,
} from "../lab/mod.ts";

/** Dead after 5 s, a heartbeat every 2 s; the machine is busy with other tests. */
const ELECTION_BOUND_MS = 12_000;

/** Makes further nodes leaders, by the first one. */
async function promote(leader: MeshNode, others: readonly MeshNode[]): Promise<void> {
  for (const { weft } of others) await leader.weft.expectCommand("leader", "promote", weft.name);
}

/** Waits until each of these nodes sees the same elected leader. @returns how long it took, in milliseconds */
async function untilElected(nodes: readonly MeshNode[], name: string): Promise<number> {
  const startedAt = performance.now();
  await Promise.all(nodes.map(({ weft }) =>
    weft.untilStatus(
      ({ leaders }) => leaders.some((leader) => leader.elected && leader.name === name),
      ELECTION_BOUND_MS,
      `it takes ${name} for elected`,
    )
  ));
  return performance.now() - startedAt;
}

/** Asks the name server of each of these nodes who `leader` is. */
async function assertLeaderName(nodes: readonly MeshNode[], leader: MeshNode): Promise<void> {
  for (const { weft } of nodes) {
    const { answers } = JSON.parse(await weft.expectCommand("dns", "query", "leader", "--json"));
    const addresses = answers.map(({ data }: { readonly data: string }) => data);
    assert.deepEqual(addresses, [leader.address], weft.name);
  }
}

labTest(
  "weft leader: of three leaders the elected one is killed, cut off, and comes back",
  PACKET_PLANE,
  async (test) => {
    await using lab = await Lab.create(["A", "B", "C", "D"]);
    const { nodes } = await startMesh(lab, ["A", "B", "C", "D"], { args: ["--rootless", "--dns", "on"] });
    const [a, b, c, d] = nodes as [MeshNode, MeshNode, MeshNode, MeshNode];
    await untilAllKnowAll(nodes);
    await promote(a, [b, c]);
    // The highest id leads; which node has it differs from run to run.
    const ids = await Promise.all(
      [a, b, c].map(async (node) => ({ node, id: (await node.weft.status()).node.id })),
    );
    const ranked = ids.toSorted((x, y) => x.id > y.id ? -1 : 1).map(({ node }) => node);
    const [first, second] = ranked as [MeshNode, MeshNode];
    const others = nodes.filter((node) => node !== first);

    await test.step("all agree, members too, and each leader has addresses of its own to give out", async () => {
      await untilElected(nodes, first.weft.name);
      await assertLeaderName(nodes, first);
      const slices: string[] = [];
      for (const { weft } of [a, b, c]) {
        const listed: LeaderReport[] = JSON.parse(await weft.expectCommand("leader", "list", "--json"));
        assert.deepEqual(listed.map(({ name }) => name), ranked.map(({ weft }) => weft.name));
        assert.ok(listed.every(({ alive }) => alive));
        slices.push(...listed.flatMap((leader) => leader.slices ?? []));
      }
      assert.equal(slices.length, 3, slices.join(" "));
      assert.match(await d.weft.expectCommand("leader", "list"), new RegExp(`${first.weft.name} .*elected`));
      const refused = await d.weft.command("leader", "promote", "a");
      assert.equal(refused.code, 1);
      assert.match(refused.stderr, /no leader\nhint: Do it on /);
    });

    await test.step("killed: the next one leads", async () => {
      await first.weft.kill();
      report(`killed: another one after ${(await untilElected(others, second.weft.name)).toFixed(0)} ms`);
      await assertLeaderName(others, second);
      await first.weft.start("up");
      report(`back: elected after ${(await untilElected(nodes, first.weft.name)).toFixed(0)} ms`);
    });

    await test.step("cut off: each side has its own, and one is enough when it heals", async () => {
      const parted = await split([first.host], others.map(({ host }) => host));
      const ms = await untilElected(others, second.weft.name);
      await untilElected([first], first.weft.name);
      await assertLeaderName(others, second);
      await assertLeaderName([first], first);
      report(`cut off: another one after ${ms.toFixed(0)} ms`);
      await parted.heal();
      const healed = async (): Promise<number> => await untilElected(nodes, first.weft.name);
      // Whoever noticed the cut waits for its next dial.
      report(`healed: elected after ${(await healed().catch(healed)).toFixed(0)} ms`);
    });

    await test.step("every change was announced once", () => {
      for (const { weft } of others) {
        const announced = [...weft.process.stderr.matchAll(/leader elected.*?name=(\w+)/g)].map(([, name]) =>
          name
        );
        assert.ok(announced.length >= 3, weft.process.tail());
        for (const [i, name] of announced.entries()) {
          assert.notEqual(
            name,
            announced[i - 1],
            announced.join(),
          );
        }
      }
    });

    await test.step("demoted: its addresses go to whoever asked", async () => {
      const given = async (node: MeshNode): Promise<bigint> =>
        (await node.weft.status()).leaders.flatMap(({ slices = [] }) => slices)
          .reduce((sum, text) => sum + (AddressRange.parse(text)?.size ?? 0n), 0n);
      const before = await given(first) + await given(second);
      await second.weft.expectCommand("leader", "demote", first.weft.name);
      await untilElected(nodes, second.weft.name);
      const { node } = await first.weft.status();
      assert.equal(node.role, "member");
      const listed: LeaderReport[] = JSON.parse(await second.weft.expectCommand("leader", "list", "--json"));
      assert.equal(listed.length, 2);
      assert.deepEqual([await given(first), await given(second)], [0n, before]);
    });

    await test.step("dead: demoted all the same, none of its addresses is lost, and it learns of it at its return", async () => {
      const capacity = 65_534n;
      const third = nodes.find(({ weft }) =>
        weft !== second.weft && weft !== first.weft && weft.name !== "d"
      );
      assert.ok(third);
      await third.weft.kill();
      await second.weft.untilStatus(
        ({ leaders }) => leaders.some(({ name, alive }) => name === third.weft.name && !alive),
        ELECTION_BOUND_MS,
        "the third one is dead",
      );
      await second.weft.expectCommand("leader", "demote", third.weft.name);
      await second.weft.untilStatus(
        ({ leaders }) =>
          leaders.flatMap(({ slices = [] }) => slices)
            .reduce((sum, text) => sum + (AddressRange.parse(text)?.size ?? 0n), 0n) === capacity,
        10_000,
        "the only leader has every address of the block",
      );
      await third.weft.start("up");
      await third.weft.untilStatus(({ node }) => node.role === "member", 30_000, "it leads no more");
    });
  },
);

labTest(
  "weft leader: two leaders that cannot see each other admit at the same time, and give no address twice",
  PACKET_PLANE,
  async (test) => {
    await using lab = await Lab.create(["A", "B", "C", "D", "E"]);
    const { nodes } = await startMesh(lab, ["A", "B"]);
    const [a, b] = nodes as [MeshNode, MeshNode];
    await untilAllKnowAll(nodes);
    await promote(a, [b]);
    const tokens = await Promise.all(
      [a, b].map(async ({ weft }) =>
        /weft1-\S+/.exec(await weft.expectCommand("token", "create", "--uses", "any"))?.[0] ?? assert.fail()
      ),
    );
    const host = (name: string) => lab.host(name);
    const parted = await split([a.host, host("C")], [b.host, host("D"), host("E")]);
    const joined = await Promise.all(["C", "D"].map(async (name, i) => {
      const weft = nodeOn(lab, name);
      const status = await weft.start("--join", tokens[i] ?? "");
      return { host: host(name), weft, address: status.node.addresses[0] ?? "", upMs: 0 };
    }));

    await test.step("each side lets a machine in", () => {
      const addresses = [a, b, ...joined].map(({ address }) => address);
      assert.equal(new Set(addresses).size, 4, addresses.join(" "));
      report(`addresses: ${addresses.join(" ")}`);
    });

    await test.step("a token lets in by any leader that it names", async () => {
      // The leader that made it is on the other side.
      const token = tokens[0] ?? "";
      const weft = nodeOn(lab, "E");
      const status = await weft.start("--join", token);
      assert.ok(![a, b, ...joined].some(({ address }) => address === status.node.addresses[0]));
      joined.push({ host: host("E"), weft, address: status.node.addresses[0] ?? "", upMs: 0 });
    });

    await test.step("when it heals, all know all and reach each other", async () => {
      await parted.heal();
      await untilAllKnowAll([a, b, ...joined], 40_000);
      const [c, d] = joined as [MeshNode, MeshNode];
      await pingOnce(c.host, d.address, 10);
      await pingOnce(d.host, a.address, 10);
    });
  },
);

function report(text: string): void {
  // deno-lint-ignore no-console -- measurements are for whoever reads the run
  console.log(text);
}

import assert from "node:assert/strict";
import {
  type Host,
  Lab,
  labTest,
  type MeshNode,
  PACKET_PLANE,
  pingMany,
  pingOnce,
  startMesh,
  untilAllKnowAll,
  waitFor,
} from "../lab/mod.ts";

/** What users are promised. */
const REVOCATION_BOUND_MS = 2_000;

labTest("weft peer remove: the member is cut off by all within two seconds", PACKET_PLANE, async () => {
  await using lab = await Lab.create(["A", "B", "C", "D"]);
  const { nodes } = await startMesh(lab, ["A", "B", "C", "D"]);
  const [a, b, c, d] = nodes as [MeshNode, MeshNode, MeshNode, MeshNode];
  await untilAllKnowAll(nodes);
  for (const { address } of [a, b, d]) await pingOnce(c.host, address);
  const replies = startPings(c.host, [a, b, d].map(({ address }) => address));
  // The command is a process of its own, whose start is no part of the measurement.
  const command = a.weft.command("peer", "remove", "c");
  await a.weft.untilStatus(
    ({ peers }) => peers.every(({ name }) => name !== "c"),
    10_000,
    "it has removed c",
  );
  const removedAt = performance.now();
  await Promise.all(
    [b, d].map(({ weft }) =>
      weft.untilStatus(({ peers }) => peers.every(({ name }) => name !== "c"), 5_000, "it has heard of that")
    ),
  );
  const heardMs = performance.now() - removedAt;
  assert.equal((await command).code, 0);
  const { code } = await c.weft.process.finished;
  assert.equal(code, 1);
  assert.match(c.weft.process.stderr, /was removed from its network/);
  const lastReplies = await replies.stop();
  const cutMs = Math.max(...lastReplies) - removedAt;
  report(
    `others knew after ${heardMs.toFixed(0)} ms, the last answer to c came after ${cutMs.toFixed(0)} ms`,
  );
  assert.ok(heardMs < REVOCATION_BOUND_MS, `${heardMs} ms`);
  assert.ok(cutMs < REVOCATION_BOUND_MS, `${cutMs} ms`);
  // Whatever c does, it is nobody: its state is that of a removed node.
  assert.equal((await c.weft.command("up")).code, 1);
  await pingOnce(b.host, d.address);
});

labTest("weft rotate-key gives a node another key while the mesh stays up", PACKET_PLANE, async (test) => {
  await using lab = await Lab.create(["A", "B", "C"]);
  const { nodes } = await startMesh(lab, ["A", "B", "C"]);
  const [a, b, c] = nodes as [MeshNode, MeshNode, MeshNode];
  await untilAllKnowAll(nodes);
  await pingOnce(c.host, b.address);

  /** Rotates a node's key under pings from another one. */
  const rotate = async (node: MeshNode, from: MeshNode): Promise<void> => {
    const before = await node.weft.status();
    const [link] = await node.host.namespace.ipJson<{ ifindex: number }>("link show dev weft0");
    const { pid } = node.weft.process;
    const pings = startPings(from.host, [node.address]);
    const { publicKey, id } = JSON.parse(await node.weft.expectCommand("rotate-key", "--json"));
    for (const other of nodes.filter((other) => other !== node)) {
      await other.weft.untilStatus(
        ({ peers }) =>
          peers.filter(({ name }) => name === node.weft.name).every((peer) =>
            peer.publicKey === publicKey && peer.addresses[0] === node.address && peer.channel === "open"
          ) && peers.some((peer) => peer.publicKey === publicKey),
        15_000,
        `it knows the new key of ${node.weft.name}`,
      );
    }
    await waitFor(() => pingOnce(from.host, node.address, 1), 10_000, {
      what: "it answers under its new key",
    });
    await pings.stop();
    const after = await node.weft.status();
    assert.notEqual(after.node.publicKey, before.node.publicKey);
    assert.deepEqual([after.node.publicKey, after.node.id], [publicKey, id]);
    assert.deepEqual([after.node.name, after.node.addresses, after.node.role], [
      before.node.name,
      before.node.addresses,
      before.node.role,
    ]);
    assert.deepEqual(after.peers.map(({ name }) => name), before.peers.map(({ name }) => name));
    assert.equal(node.weft.process.pid, pid);
    const [again] = await node.host.namespace.ipJson<{ ifindex: number }>("link show dev weft0");
    assert.equal(again?.ifindex, link?.ifindex, "the interface stayed");
    report(`${node.weft.name}: no answer for ${pings.longestGapMs().toFixed(0)} ms`);
    assert.ok(pings.longestGapMs() < 8_000, `${pings.longestGapMs()} ms`);
  };

  await test.step("a member's", () => rotate(b, c));
  await test.step("the leader's own", () => rotate(a, c));

  await test.step("members resume under their new keys, and the others stay", async () => {
    for (const node of [a, b]) {
      await node.weft.stop();
      await node.weft.start("up");
    }
    for (const [from, to] of [[a, b], [b, c], [c, a]] as const) {
      await waitFor(() => pingOnce(from.host, to.address, 1), 10_000, { what: `${to.weft.name} answers` });
    }
    assert.equal(await pingMany(c.host, b.address, 5), 5);
  });
});

/** Pings all the time; it knows when answers came. */
function startPings(from: Host, addresses: readonly string[]): {
  /** @returns when the last answer of each came */
  stop(): Promise<number[]>;
  longestGapMs(): number;
} {
  const times = addresses.map((): number[] => [performance.now()]);
  const processes = addresses.map((address) =>
    from.namespace.spawn(["ping", "-O", "-D", "-i", "0.05", "-W", "1", address])
  );
  const offset = Date.now() - performance.now();
  const read = () => {
    processes.forEach((process, i) => {
      times[i] = [...process.stdout.matchAll(/^\[(\d+\.\d+)\] \d+ bytes from/gm)]
        .map(([, seconds]) => Number(seconds) * 1000 - offset);
    });
  };
  return {
    async stop() {
      for (const process of processes) await process.stop("SIGINT").catch(() => {});
      read();
      return times.map((answers) => answers.at(-1) ?? 0);
    },
    longestGapMs() {
      read();
      return Math.max(
        ...times.flatMap((answers) => answers.slice(1).map((at, i) => at - (answers[i] ?? at))),
      );
    },
  };
}

function report(text: string): void {
  // deno-lint-ignore no-console -- measurements are for whoever reads the run
  console.log(text);
}

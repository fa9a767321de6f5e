import assert from "node:assert/strict";
import {
  announcedRandom,
  integerBetween,
  IS_THOROUGH,
  Lab,
  labTest,
  type MeshNode,
  nodeOn,
  PACKET_PLANE,
  pause,
  pingOnce,
  startMesh,
  untilAllKnowAll,
  waitFor,
  WeftNode,
} from "../lab/mod.ts";

const KILLS_DURING_JOIN = IS_THOROUGH ? 15 : 4;
const KILLS_DURING_TRAFFIC = IS_THOROUGH ? 35 : 10;

/** Sessions are renewed every second, so that many kills fall into a rekey. */
const SHORT_TIMERS = { WEFT_TEST_TIMERS: "rekeyAfterTimeMs=1000,rejectAfterTimeMs=4000" };

labTest("weft up: a node that is killed while it joins joins as the same node", PACKET_PLANE, async () => {
  const random = announcedRandom("WEFT_CRASH_JOIN_SEED");
  await using lab = await Lab.create(["A", "B"]);
  const leader = nodeOn(lab, "A");
  const token = await leader.startLeader();
  const host = lab.host("B");
  let admitted = 0;
  for (let round = 1; round <= KILLS_DURING_JOIN; round++) {
    const name = `b${round}`;
    await using node = new WeftNode(host.namespace, { name, stateDir: `${host.folder}/${name}` });
    node.launch("--join", token);
    const afterMs = integerBetween(random, 100, 900);
    await pause(afterMs);
    await node.kill();
    const before = (await leader.status()).peers.find((peer) => peer.name === name);
    if (before !== undefined) admitted++;

    const status = await node.start("--join", token);
    const what = `round ${round}, killed after ${afterMs} ms, ${before ? "" : "not "}admitted before`;
    assert.equal(status.node.name, name, what);
    if (before !== undefined) {
      assert.equal(status.node.id, before.id, what);
      assert.deepEqual(status.node.addresses, before.addresses, what);
    }
    const known = (await leader.status()).peers.filter((peer) => peer.name.startsWith(name));
    assert.deepEqual(
      known.filter((peer) => peer.addresses.some((address) => status.node.addresses.includes(address)))
        .map((peer) => peer.id),
      [status.node.id],
      what,
    );
    await pingOnce(host, "10.200.0.1");
    await node.kill();
  }
  const { peers } = await leader.status();
  const addresses = peers.flatMap((peer) => peer.addresses);
  assert.equal(new Set(addresses).size, addresses.length, "every member has addresses of its own");
  // deno-lint-ignore no-console -- tells whether the moments were well chosen
  console.log(`${KILLS_DURING_JOIN} kills, ${admitted} after the leader had admitted the node`);
});

labTest(
  "weft up: a node that is killed in traffic and rekeys resumes as the same node",
  PACKET_PLANE,
  async () => {
    const random = announcedRandom("WEFT_CRASH_TRAFFIC_SEED");
    await using lab = await Lab.create(["A", "B", "C"]);
    const { nodes, token } = await startMesh(lab, ["A", "B", "C"], { env: SHORT_TIMERS });
    await untilAllKnowAll(nodes);
    const sameCommand = (node: MeshNode) => node === nodes[0] ? ["--leader"] : ["--join", token];
    const expected = new Map(
      await Promise.all(nodes.map(async (node) => [node, await selfOf(node)] as const)),
    );
    for (const from of nodes) {
      for (const to of nodes) {
        if (from !== to) lab.use(from.host.namespace.spawn(["ping", "-q", "-i", "0.02", to.address]));
      }
    }

    for (let kills = 0; kills < KILLS_DURING_TRAFFIC;) {
      const victim = nodes[integerBetween(random, 0, nodes.length - 1)] as MeshNode;
      const others = nodes.filter((node) => node !== victim);
      const command = integerBetween(random, 0, 1) === 0 ? ["up"] : sameCommand(victim);
      await pause(integerBetween(random, 0, 500));
      await victim.weft.kill();
      kills++;
      if (integerBetween(random, 0, 2) === 0) {
        // The second blow falls while it starts.
        victim.weft.launch(...command);
        await pause(integerBetween(random, 50, 700));
        await victim.weft.kill();
        kills++;
      }
      const status = await victim.weft.start(...command);
      const what = `kill ${kills}: ${victim.weft.name}, restarted with ${command[0]}`;
      assert.deepEqual(await selfOf(victim), expected.get(victim), what);
      assert.deepEqual(
        status.peers.map((peer) => peer.id).sort(),
        others.map((other) => expected.get(other)?.id).sort(),
        what,
      );
      for (const other of others) {
        await waitFor(() => pingOnce(victim.host, other.address, 1), 10_000, {
          what: `${what}: reaches others`,
        });
      }
    }
  },
);

async function selfOf(node: MeshNode) {
  const { node: { id, name, publicKey, role, addresses }, network } = await node.weft.status();
  return { id, name, publicKey, role, addresses, network };
}

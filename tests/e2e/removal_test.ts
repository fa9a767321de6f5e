import assert from "node:assert/strict";
import {
  Lab,
  labTest,
  type MeshNode,
  nodeOn,
  PACKET_PLANE,
  split,
  startMesh,
  untilAllKnowAll,
} from "../lab/mod.ts";

/** Whoever noticed the cut waits for its next dial. */
const HEAL_BOUND_MS = 60_000;

labTest(
  "weft peer remove on one side of a split network wins over weft rotate-key on the other",
  PACKET_PLANE,
  async (test) => {
    await using lab = await Lab.create(["A", "B", "C", "D", "E"]);
    const { nodes, token } = await startMesh(lab, ["A", "B", "C", "D"], { args: ["--rootless"] });
    const [a, b, c, d] = nodes as [MeshNode, MeshNode, MeshNode, MeshNode];
    await untilAllKnowAll(nodes);
    await a.weft.expectCommand("leader", "promote", "b");
    await b.weft.untilStatus(
      ({ leaders }) => leaders.length === 2 && leaders.every(({ alive }) => alive),
      15_000,
      "it has heard both leaders",
    );
    const formerKey = (await c.weft.status()).node.publicKey;
    const parted = await split([a.host], [b.host, c.host, d.host]);

    await test.step("the leader on one side removes the member, and revokes the token it came in by", async () => {
      const [listed] = JSON.parse(await a.weft.expectCommand("token", "list", "--json"));
      const said = await a.weft.expectCommand("peer", "remove", "c", "--revoke-token");
      assert.equal(said, `Removed c\nRevoked the token ${listed.id}, by which it came in.\n`);
      assert.ok((await a.weft.status()).peers.every(({ name }) => name !== "c"));
    });

    await test.step("the member gets new keys on the other, four times and no more", async () => {
      // It may ask the leader that it cannot reach first, and an answer that was lost counts, too.
      let unanswered = 0;
      for (let times = 0; times < 4; times++) {
        const tries = await rotate(c);
        if (tries === undefined) {
          assert.ok(
            times + unanswered >= 4,
            `refused after ${times} times and ${unanswered} without an answer`,
          );
          break;
        }
        unanswered += tries;
      }
      const refused = await c.weft.command("rotate-key");
      assert.equal(refused.code, 1);
      assert.match(refused.stderr, /that was done too often\nhint: .* run the same again in [56] h /);
      const { publicKey } = (await c.weft.status()).node;
      assert.notEqual(publicKey, formerKey);
      for (const { weft } of [b, d]) {
        await weft.untilStatus(
          ({ peers }) => peers.some((peer) => peer.publicKey === publicKey),
          15_000,
          "it knows the member's latest key",
        );
      }
    });

    await test.step("when it heals, nobody has the member under any key, and it ends", async () => {
      await parted.heal();
      const startedAt = performance.now();
      await Promise.all([a, b, d].map(({ weft }) =>
        weft.untilStatus(
          ({ peers }) => peers.length === 2 && peers.every(({ name }) => name !== "c"),
          HEAL_BOUND_MS,
          "the member is gone",
        )
      ));
      const { code } = await c.weft.process.finished;
      assert.equal(code, 1);
      assert.match(c.weft.process.stderr, /was removed from its network/);
      report(`gone everywhere ${(performance.now() - startedAt).toFixed(0)} ms after the network healed`);
      assert.equal((await c.weft.command("up")).code, 1);
    });

    await test.step("its token lets nobody in any more", async () => {
      for (const leader of [a, b]) {
        const tokens = JSON.parse(await leader.weft.expectCommand("token", "list", "--json"));
        assert.ok(tokens.every(({ state }: { readonly state: string }) => state === "revoked"));
      }
      const { code, stderr } = await nodeOn(lab, "E").command("--rootless", "--join", token);
      assert.equal(code, 1);
      assert.match(stderr, /refused|not good|Cannot join/);
    });
  },
);

/** @returns how often no leader answered before one did; `undefined` when it was done too often */
async function rotate({ weft }: MeshNode): Promise<number | undefined> {
  const startedAt = performance.now();
  for (let unanswered = 0;;) {
    const { code, stderr } = await weft.command("rotate-key");
    if (code === 0) return unanswered;
    if (stderr.includes("too often")) return;
    assert.match(stderr, /no leader answers|has not started/);
    if (stderr.includes("no leader answers")) unanswered++;
    if (performance.now() - startedAt > 60_000) assert.fail(stderr);
  }
}

function report(text: string): void {
  // deno-lint-ignore no-console -- measurements are for whoever reads the run
  console.log(text);
}

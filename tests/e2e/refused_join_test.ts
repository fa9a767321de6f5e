import assert from "node:assert/strict";
import {
  assertRefusal,
  Lab,
  labTest,
  nodeOn,
  PACKET_PLANE,
  recordTcp,
  waitFor,
  weftCommand,
  type WeftNode,
} from "../lab/mod.ts";

/** A first join gives up when nobody answers for this long, with room for a busy machine. */
const UNREACHABLE_BOUND_MS = 30_000;

labTest("weft up --join: whoever is not let in learns nothing but that", PACKET_PLANE, async (test) => {
  await using lab = await Lab.create(["A", "B", "C"]);
  const [a, b, c] = [lab.host("A"), lab.host("B"), lab.host("C")];
  const leader = nodeOn(lab, "A", { args: ["--endpoint", `${b.address4}:51820`] });
  // C reaches A through the proxy on B only, so that every byte is seen.
  await c.namespace.ip(`route add blackhole ${a.address4}/32`, `route add blackhole ${a.address6}/128`);
  await using proxy = await recordTcp(b.namespace, {
    listen: `${b.address4}:51820`,
    target: `${a.address4}:51820`,
  });
  const strangerToken = await leader.startLeader();
  await leader.stop();
  await Deno.remove(leader.stateDir, { recursive: true });
  const goodToken = await leader.startLeader();
  const used = await createToken(leader);
  const revoked = await createToken(leader);
  await leader.expectCommand("token", "revoke", revoked.id);
  let joins = 0;
  const join = (token: string) =>
    c.namespace.run(weftCommand("--join", token, "--state", `${c.folder}/join-${joins++}`, "--name", "c"));

  await test.step("a token for one machine admits one machine", async () => {
    const first = nodeOn(lab, "C");
    await first.start("--join", used.token);
    await first.stop();
    await waitFor(() => proxy.connections().length > 0, 5_000);
  });

  const refusals: { reason: string; line: string; answer: string; question: string }[] = [];
  for (
    const [reason, token] of [["used", used.token], ["revoked", revoked.token], [
      "stranger",
      strangerToken,
    ]] as const
  ) {
    await test.step(`a token that is ${reason}`, async () => {
      const seen = proxy.connections().length;
      const finished = await join(token);
      assertRefusal(finished, { code: 1, says: /refused/ });
      await waitFor(() => proxy.connections().length > seen, 5_000);
      const [passed] = proxy.connections().slice(seen);
      assert(passed);
      const [line = ""] = finished.stderr.split("\n");
      refusals.push({ reason, line, answer: passed.fromTarget, question: passed.toTarget });
    });
  }

  await test.step("the answers are the same byte by byte and shorter than the questions", () => {
    for (const { reason, line, answer, question } of refusals) {
      assert.equal(answer, refusals[0]?.answer, reason);
      assert.equal(line, refusals[0]?.line, reason);
      assert(answer.length <= question.length, reason);
      assert.equal(answer, "0006776566740101", "which handshakes it speaks is all that is said");
    }
  });

  await test.step("a token that has expired", async () => {
    const { token, id } = await createToken(leader, "--expires", "1s");
    await waitFor(async () => {
      const tokens = JSON.parse(await leader.get("/tokens"));
      return tokens.find((each: { id: string }) => each.id === id)?.state === "expired";
    }, 10_000);
    assertRefusal(await join(token), { code: 1, says: /has expired at \d{4}-\S+, and it is \d{4}-\S+ here/ });
  });

  await test.step("a token that was cut short or mistyped", async () => {
    const middle = goodToken.length >> 1;
    const wrong = goodToken[middle] === "A" ? "B" : "A";
    const mistyped = goodToken.slice(0, middle) + wrong + goodToken.slice(middle + 1);
    for (const token of [goodToken.slice(0, -4), goodToken.slice(0, middle), mistyped]) {
      const seen = proxy.connections().length;
      const finished = await join(token);
      assertRefusal(finished, { code: finished.code === 2 ? 2 : 1, says: /token/i });
      assert(!finished.stderr.includes(token), "a token must not be repeated, it may be nearly right");
      assert.equal(proxy.connections().length, seen, "nothing was sent");
    }
  });

  await test.step("a leader that cannot be reached", async () => {
    await leader.stop();
    const finished = await join(goodToken);
    assertRefusal(finished, { code: 1, says: /reach/i });
    assert(finished.tookMs < UNREACHABLE_BOUND_MS, `${finished.tookMs} ms`);
  });

  await test.step("none of it did harm", async () => {
    await leader.start("up");
    const { peers } = await leader.status();
    assert.deepEqual(peers.map((peer) => peer.name), ["c"]);
  });
});

async function createToken(
  leader: WeftNode,
  ...options: readonly string[]
): Promise<{ readonly token: string; readonly id: string }> {
  const created = JSON.parse(await leader.expectCommand("token", "create", "--json", ...options));
  return { token: created.token, id: created.report.id };
}

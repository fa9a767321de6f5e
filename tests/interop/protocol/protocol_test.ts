import assert from "node:assert/strict";
import { createScratch, loopbackArgs, thisMachine, WeftNode } from "../../lab/mod.ts";
import { Member } from "./member.ts";

const RECORDS_PER_KEY = 65_536;
/** On a machine that is busy with other tests. */
const BOUND_MS = 20_000;

Deno.test("An implementation by the pages of docs/protocol alone joins a leader, and each calls and hears the other", async () => {
  await using stack = new AsyncDisposableStack();
  const { path } = stack.use(await createScratch("protocol"));
  const leader = stack.use(
    new WeftNode(thisMachine, { name: "leader-1", stateDir: `${path}/leader`, args: loopbackArgs() }),
  );
  const token = await leader.startLeader();
  const member = stack.use(await Member.join(token, "Other.example"));
  assert.deepEqual(member.record["name"], "other");

  await leader.untilStatus(
    ({ peers: [peer] }) => peer?.name === "other" && peer.channel === "open",
    BOUND_MS,
    "it has a link to the other implementation",
  );

  await member.offer("sums", { add: ({ a, b }) => a + b }, "chat/*");
  const call = async () => (await leader.command("call", "sums/add", '{"a":1,"b":2}')).stdout.trim();
  await leader.process.until(async () => await call() === "3", BOUND_MS, "the leader's call is answered");

  const services = await member.call("$registry/list", null) as { path: string }[];
  assert.deepEqual(services.map(({ path }) => path), ["sums"]);
  await assert.rejects(member.call("sums/none", null), /UnknownAction|NoProvider/);

  await leader.expectCommand("publish", "chat/hello", '"from the leader"');
  await leader.process.until(() => member.events.length > 0, BOUND_MS, "the event is heard");
  assert.deepEqual(member.events, [["mesh:chat/hello", "from the leader"]]);

  // What the leader has said meanwhile may be on its way.
  await leader.process.until(
    async () => {
      const fingerprints = member.digest();
      fingerprints[8 * 63] = (fingerprints[8 * 63] ?? 0) ^ 1;
      const { first, last } = await member.compare(fingerprints) ?? {};
      return first?.toHex() === "fc".padEnd(32, "0") && last.toHex() === "f".repeat(32);
    },
    BOUND_MS,
    "it asks for the one part that is said to differ, so that all others have the same fingerprints",
  );

  await member.chatter(RECORDS_PER_KEY);
  assert.ok(await member.call("$registry/list", null), "by another key");
});

import assert from "node:assert/strict";
import { createScratch, labTest, loopbackArgs, thisMachine, WeftNode } from "../lab/mod.ts";

labTest("weft: down stops the agent and logs shows its end; peers say who runs what", [], async () => {
  await using stack = new AsyncDisposableStack();
  const { path } = stack.use(await createScratch("daily"));
  const node = (name: string, args: readonly string[]) =>
    stack.use(new WeftNode(thisMachine, { name, stateDir: `${path}/${name}`, args }));
  const lead = node("lead", loopbackArgs());
  // By name: what others are told is its addresses.
  const beta = node("beta", loopbackArgs().map((word) => word.replace("127.0.0.1:", "localhost:")));
  const token = await lead.startLeader();
  await beta.start("--join", token);
  await lead.untilStatus(({ peers }) => peers.some(({ healthy }) => healthy), 10_000, "beta is healthy");

  const table = await lead.expectCommand("peers");
  assert.match(
    table,
    /^NAME .*LAST SEEN +ROLES +VERSION +SYSTEM\nbeta .* now +member +\d+\.\d+\.\d+ +linux \w+\n$/,
  );
  const shown = await lead.expectCommand("peer", "show", "beta");
  const [{ id }] = JSON.parse(await lead.expectCommand("token", "list", "--json"));
  assert(shown.includes(id) && !shown.includes("weft1-"), shown);
  assert.match(shown, /^endpoints .*\b127\.0\.0\.1:/m);
  assert.match(await lead.expectCommand("peers", "show", "beta"), /^name +beta, member$/m);

  const [last] = JSON.parse(`[${(await beta.expectCommand("logs", "--lines", "1", "--json")).trim()}]`);
  assert.match(last.text, /^\d{4}-\d\d-\d\dT\S+ (debug|info|warn|error) /);
  assert(!(await lead.expectCommand("logs", "--lines", "1000")).includes("weft1-"));

  const down = await beta.command("down");
  assert.equal(`${down.code} ${down.stderr}`, "0 ");
  assert.equal(down.stdout, "beta has stopped; `weft up` resumes it\n");
  // When the command is over, so is the agent, and as by Ctrl-C.
  assert.equal((await beta.process.finished).code, 0);
  const again = await beta.command("down");
  assert.equal(again.code, 1);
  assert.match(again.stderr, /^weft: .*none runs.*\nhint: .*weft (up|status)/);
  await beta.start("up");

  const job = node("job", loopbackArgs());
  await job.start("--join", token, "--ephemeral");
  assert.match(await job.expectCommand("down"), /^job has stopped and left the network, .* by a token\n$/);
  assert.match((await job.command("up")).stderr, /^weft: Cannot resume: there is no node/);
  assert.match((await job.command("status")).stderr, /\nhint: .* if it is a member still/);
});

/**
 * Hosts whose clocks are wrong: by more than ten minutes nobody is let in, by more than five it is told.
 * @module
 */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import {
  CapturedProcess,
  createScratch,
  loopbackArgs,
  sourceCommand,
  thisMachine,
  WeftNode,
} from "../lab/mod.ts";

const PROGRAM = fileURLToPath(new URL("./shifted_clock.ts", import.meta.url));
const MINUTE_MS = 60_000;

Deno.test("a machine whose clock is 11 minutes wrong is refused and told so, one of 6 minutes is let in and told of", async () => {
  await using stack = new AsyncDisposableStack();
  const { path } = stack.use(await createScratch("clocks"));
  const lead = stack.use(
    new WeftNode(thisMachine, { name: "lead", stateDir: `${path}/lead`, args: loopbackArgs() }),
  );
  const token = await lead.startLeader();
  const start = (name: string, minutes: number): CapturedProcess => {
    const args = ["--name", name, "--state", `${path}/${name}`, ...loopbackArgs()];
    const line = sourceCommand("--join", token, ...args)
      .map((word) => word.endsWith("/main.ts") ? PROGRAM : word);
    const env = { NO_COLOR: "1", WEFT_DISCOVERY: "no", WEFT_TEST_CLOCK_MS: `${minutes * MINUTE_MS}` };
    return stack.use(new CapturedProcess(line, { label: name, env }));
  };
  const [early, late] = [start("early", 11), start("late", -6)];
  const { code, stderr } = await early.finished;
  assert.equal(code, 1, stderr);
  assert.match(
    stderr,
    /Cannot join: this machine's clock is 11 min ahead of the leader's\nhint: Set the one/,
  );
  const { warnings = [], peers } = await lead.untilStatus(
    ({ warnings = [] }) => warnings.some(({ kind }) => kind === "clock"),
    30_000,
    "it tells whose clock is wrong",
  );
  assert.deepEqual(peers.map(({ name }) => name), ["late"]);
  assert.match(
    warnings.map(({ text }) => text).join(),
    /the clock of late is 6 min behind this host's; one of both is wrong/,
  );
  assert.match(await lead.expectCommand("status"), /warning +the clock of late is 6 min behind/);
  const said = await late.until(
    ({ stderr }) => /the clock of lead is 6 min ahead/.exec(stderr)?.[0],
    30_000,
    "it tells",
  );
  assert.ok(said);
});

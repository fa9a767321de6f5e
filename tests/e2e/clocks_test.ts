/**
 * Hosts whose clocks are wrong: by more than ten minutes nobody is let in, by more than five it is told.
 * @module
 */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import {
  CapturedProcess,
  createScratch,
  labTest,
  loopbackArgs,
  sourceCommand,
  thisMachine,
  WeftNode,
} from "../lab/mod.ts";

const PROGRAM = fileURLToPath(new URL("./shifted_clock.ts", import.meta.url));
const MINUTE_MS = 60_000;

/** A leader, and machines that join it by clocks of their own. */
class Hosts implements AsyncDisposable {
  readonly lead: WeftNode;
  readonly #resources: AsyncDisposableStack;
  readonly #folder: string;
  #token = "";

  private constructor(resources: AsyncDisposableStack, folder: string) {
    this.#resources = resources;
    this.#folder = folder;
    const options = { name: "lead", stateDir: `${folder}/lead`, args: loopbackArgs() };
    this.lead = resources.use(new WeftNode(thisMachine, options));
  }

  static async start(): Promise<Hosts> {
    const resources = new AsyncDisposableStack();
    const hosts = new Hosts(resources, resources.use(await createScratch("clocks")).path);
    hosts.#token = await hosts.lead.startLeader();
    return hosts;
  }

  join(name: string, minutes: number): CapturedProcess {
    const args = ["--name", name, "--state", `${this.#folder}/${name}`, ...loopbackArgs()];
    const line = sourceCommand("--join", this.#token, ...args)
      .map((word) => word.endsWith("/main.ts") ? PROGRAM : word);
    const env = { NO_COLOR: "1", WEFT_DISCOVERY: "no", WEFT_TEST_CLOCK_MS: `${minutes * MINUTE_MS}` };
    return this.#resources.use(new CapturedProcess(line, { label: name, env }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }
}

Deno.test("a machine whose clock is 11 minutes wrong is refused, and told by how much", async () => {
  await using hosts = await Hosts.start();
  const { code, stderr } = await hosts.join("early", 11).finished;
  assert.equal(code, 1, stderr);
  assert.match(
    stderr,
    /Cannot join: this machine's clock is 11 min ahead of the leader's\nhint: Set the one that is wrong/,
  );
  assert.deepEqual((await hosts.lead.status()).peers, []);
});

labTest("a machine whose clock is 6 minutes wrong is let in, and both say whose clock differs", [
  "thorough",
], async () => {
  await using hosts = await Hosts.start();
  const { lead } = hosts;
  const late = hosts.join("late", -6);
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
  await late.until(({ stderr }) => /the clock of lead is 6 min ahead/.test(stderr), 30_000, "it tells");
});

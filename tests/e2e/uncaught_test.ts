/**
 * An error that nothing in an agent catches: the agent ends, says so in two lines, and leaves the host as it was.
 * @module
 */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { type CapturedProcess, Lab, labTest, PACKET_PLANE, sourceCommand, waitFor } from "../lab/mod.ts";

const PROGRAM = fileURLToPath(new URL("./failing_agent.ts", import.meta.url));

labTest(
  "an agent in which something fails that nothing catches leaves the host as it was",
  PACKET_PLANE,
  async (test) => {
    await using lab = await Lab.create(["A"]);
    const { namespace, folder } = lab.host("A");
    const before = await Deno.readTextFile(namespace.resolverConfPath);
    const stateDir = `${folder}/state`;
    const start = async (role: string): Promise<CapturedProcess> => {
      const line = sourceCommand(role, "--state", stateDir, "--status-port", "off", "--no-discovery")
        .map((word) => word.endsWith("/main.ts") ? PROGRAM : word);
      const process = lab.use(namespace.spawn(line, { env: { NO_COLOR: "1" } }));
      await process.until(({ stdout }) => stdout.includes(" on weft0"), 20_000, "it runs");
      await waitFor(
        async () => await Deno.readTextFile(namespace.resolverConfPath) !== before,
        5_000,
        { what: "the host's resolver asks it" },
      );
      return process;
    };
    for (
      const [signal, what, role] of [["SIGUSR1", "a promise", "--leader"], [
        "SIGUSR2",
        "a callback",
        "up",
      ]] as const
    ) {
      await test.step(what, async () => {
        const process = await start(role);
        const { code, stderr } = await process.stop(signal, 10_000);
        assert.equal(code, 1, process.tail());
        assert.match(
          stderr,
          new RegExp(
            `^weft: Something failed that should not: ${what} \\\\x1b\\[31minjected\\nhint: .*\\n$`,
            "m",
          ),
        );
        assert.doesNotMatch(stderr, /\n\s+at /, "no stack");
        assert.equal(await Deno.readTextFile(namespace.resolverConfPath), before);
        assert.doesNotMatch(await namespace.expectRun(["ip", "link"]), /weft0/);
      });
    }
  },
);

import assert from "node:assert/strict";
import { bundlePage } from "../../examples/browser/serve.ts";
import { freeTcpPort } from "../../lib/transport/mod.ts";
import { OverlayBootstrap } from "../../mod.ts";
import { createScratch, run, skippedLine } from "../lab/mod.ts";

/** Started without a network each fails at once, and its test is skipped. */
const QUIET = {
  npm_config_fetch_retries: "0",
  npm_config_fetch_timeout: "10000",
  npm_config_update_notifier: "false",
};
const BOUND_S = "40";

/** How each runs a file. */
const RUNTIMES: Readonly<Record<string, readonly string[]>> = {
  "Node.js 25": ["npx", "--yes", "--prefer-offline", "--package=node@25.9.0", "node"],
  "Bun 1.4": ["npx", "--yes", "--prefer-offline", "bun@1.4.5"],
};

for (const [name, command] of Object.entries(RUNTIMES)) {
  const test = `a program of ${name} is a member by @weft/mesh/browser: it calls, and hears events`;
  const isThere = await run([...command, "--version"], { env: QUIET }).then(
    ({ code }) => code === 0,
    () => false,
  );
  // deno-lint-ignore no-console -- the reason of a skipped test belongs in the runner's output
  if (!isThere) console.log(skippedLine(test, `needs npx and the package of ${name}`));
  Deno.test({
    name: test,
    ignore: !isThere,
    async fn() {
      await using stack = new AsyncDisposableStack();
      const { path } = stack.use(await createScratch("runtime"));
      const port = freeTcpPort();
      const leader = await OverlayBootstrap.initLeader({
        ...{ name: "leader", stateDir: `${path}/leader`, rootless: true, discovery: false },
        ...{ port, endpoints: `127.0.0.1:${port}` },
      });
      stack.defer(() => leader.stop());
      await leader.start();
      const { runtime } = leader.services;
      await runtime.addService({
        path: "math",
        actions: {
          add: ({ a, b }: { a: bigint; b: bigint }) => a + b,
          say: () => runtime.publish("math/said", new Date(5)),
        },
      });
      await Deno.writeFile(
        `${path}/member.mjs`,
        await bundlePage("../../tests/package/runtime_member.ts", false),
      );
      const started = ["timeout", BOUND_S, ...command, `${path}/member.mjs`, leader.joinToken()];
      const { code, stdout, stderr } = await run(started, { env: QUIET });
      assert.equal(code, 0, stderr);
      assert.equal(stdout, "3 1970-01-01T00:00:00.005Z\n");
    },
  });
}

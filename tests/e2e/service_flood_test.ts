import assert from "node:assert/strict";
import { OverlayBootstrap } from "../../mod.ts";
import { createScratch, freePort, startNodeProgram, untilPrinted } from "../lab/mod.ts";

/** What a call of the flood costs its provider. */
const TOIL_MS = 0.1;
const CALLS = 100;

Deno.test("calls of one member are answered while another one floods the node with calls", async () => {
  await using stack = new AsyncDisposableStack();
  const scratch = stack.use(await createScratch("service-flood"));
  const port = freePort();
  const overlay = await OverlayBootstrap.initLeader({
    name: "provider",
    stateDir: `${scratch.path}/provider`,
    rootless: true,
    discovery: false,
    port,
    endpoints: `127.0.0.1:${port}`,
  });
  stack.defer(() => overlay.stop());
  await overlay.start();
  const { runtime } = overlay.services;
  let toiled = 0;
  await runtime.addService({
    path: "work",
    actions: {
      answer: (value: number) => value,
      toil: () => {
        toiled++;
        const end = performance.now() + TOIL_MS;
        while (performance.now() < end);
      },
    },
  });
  const { token } = overlay.control.createToken({ lifetimeMs: 3_600_000 });
  await Promise.all(["flooder", "caller"].map(async (name) => {
    const stateDir = `${scratch.path}/${name}`;
    const args = [token, name, stateDir, String(freePort())];
    const program = startNodeProgram({ module: "tests/e2e/crowd_program.ts", stateDir, args, label: name });
    stack.use(program);
    await untilPrinted(program, "ready");
  }));
  const measure = async () => {
    const tookMs = await runtime.request("caller/measure", CALLS, { timeoutMs: 60_000 }) as number[];
    return tookMs.toSorted((a, b) => a - b)[CALLS * 0.9] ?? Infinity;
  };
  await runtime.request("flooder/flood", false);
  await measure();
  const alone = await measure();
  await runtime.request("flooder/flood", true);
  const [startedAt, before] = [performance.now(), toiled];
  const beside = await measure();
  const rate = (toiled - before) / (performance.now() - startedAt);
  const text = `90 of 100 calls took at most ${alone.toFixed(1)} ms alone, ${beside.toFixed(1)} ms beside ` +
    `${(rate * 1000).toFixed(0)} calls a second of another member`;
  // deno-lint-ignore no-console -- measurements are for whoever reads the run
  console.log(text);
  assert.ok(rate * TOIL_MS > 0.1, `the node has something to do: ${text}`);
  assert.ok(beside < alone + 25, text);
});

import assert from "node:assert/strict";
import { untilPrinted } from "../../lab/mod.ts";
import { RootlessMesh } from "./rootless_mesh.ts";

/** What a call of the flood costs its provider. */
const BUSY_MS = 0.1;
const CALLS = 100;

Deno.test("Node answers calls of one member while another one floods it with calls", async () => {
  await using mesh = await RootlessMesh.create("service-flood", "provider");
  const { runtime } = mesh.overlay.services;
  let busyCalls = 0;
  await runtime.addService({
    path: "work",
    actions: {
      answer: (value: number) => value,
      keepBusy: () => {
        busyCalls++;
        const end = performance.now() + BUSY_MS;
        while (performance.now() < end);
      },
    },
  });
  const programs = ["flooder", "caller"].map((name) => mesh.startProgram("services/caller_program.ts", name));
  await Promise.all(programs.map((program) => untilPrinted(program, "ready")));
  const measure = async () => {
    const tookMs = await runtime.request("caller/measure", CALLS, { timeoutMs: 60_000 }) as number[];
    return tookMs.toSorted((a, b) => a - b)[CALLS * 0.9] ?? Infinity;
  };
  await runtime.request("flooder/flood", false);
  await measure();
  const alone = await measure();
  await runtime.request("flooder/flood", true);
  const [startedAt, before] = [performance.now(), busyCalls];
  const beside = await measure();
  const rate = (busyCalls - before) / (performance.now() - startedAt);
  const text = `90 of 100 calls took at most ${alone.toFixed(1)} ms alone, ${beside.toFixed(1)} ms beside ` +
    `${(rate * 1000).toFixed(0)} calls a second of another member`;
  // deno-lint-ignore no-console -- measurements are for whoever reads the run
  console.log(text);
  assert.ok(rate * BUSY_MS > 0.1, `the node has something to do: ${text}`);
  // Without a limit of turns they are not answered at all.
  assert.ok(beside < 10 * alone + 250, text);
});

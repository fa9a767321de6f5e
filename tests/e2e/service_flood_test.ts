import assert from "node:assert/strict";
import { untilPrinted } from "../lab/mod.ts";
import { RootlessStage } from "./rootless_stage.ts";

/** What a call of the flood costs its provider. */
const TOIL_MS = 0.1;
const CALLS = 100;

Deno.test("calls of one member are answered while another one floods the node with calls", async () => {
  await using stage = await RootlessStage.create("service-flood", "provider");
  const { runtime } = stage.overlay.services;
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
  const programs = ["flooder", "caller"].map((name) => stage.startProgram("crowd_program.ts", name));
  await Promise.all(programs.map((program) => untilPrinted(program, "ready")));
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
  // Without a share of the turns they are not answered at all.
  assert.ok(beside < 10 * alone + 250, text);
});

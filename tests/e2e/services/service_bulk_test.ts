import assert from "node:assert/strict";
import { untilPrinted } from "../../lab/mod.ts";
import { RootlessMesh } from "./rootless_mesh.ts";

const TRANSFER_BYTES = 100 << 20;
const CALLS = 16;

Deno.test("Node.request(): small calls go on while 100 MB are on their way, as a stream or as one value, and while nobody reads a stream", async (test) => {
  await using mesh = await RootlessMesh.create("service-bulk", "caller", {
    limits: { maxPayloadBytes: 100 << 20 },
  });
  const program = mesh.startProgram("services/bulk_program.ts", "provider");
  await untilPrinted(program, "ready");
  const { runtime } = mesh.overlay.services;

  /** Small calls, 16 in flight, until `transfer` has ended. @returns what 99 of 100 took at most, and the transfer */
  const during = async (transfer: Promise<unknown>) => {
    const startedAt = performance.now();
    let isOver = false;
    const ended = transfer.finally(() => isOver = true);
    const tookMs: number[] = [];
    const calls = Array.from({ length: CALLS }, async () => {
      while (!isOver) {
        const calledAt = performance.now();
        assert.equal(await runtime.request("bulk/small", 7), 7);
        tookMs.push(performance.now() - calledAt);
      }
    });
    await Promise.all([ended, ...calls]);
    const sorted = tookMs.toSorted((a, b) => a - b);
    const p99 = sorted[Math.floor(sorted.length * 0.99)] ?? Infinity;
    return { p99, calls: sorted.length, transferMs: performance.now() - startedAt };
  };
  const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
  const quiet = await during(pause(500));
  report(`nothing else: ${quiet.calls} calls, p99 ${quiet.p99.toFixed(1)} ms`);

  const readAll = async () => {
    const items = await runtime.request("bulk/stream", { bytes: TRANSFER_BYTES }) as ReadableStream<
      Uint8Array
    >;
    let bytes = 0;
    for await (const item of items) bytes += item.length;
    assert.equal(bytes, TRANSFER_BYTES);
  };
  const readWhole = async () => {
    const options = { timeoutMs: 60_000 };
    const bytes = await runtime.request("bulk/whole", { bytes: TRANSFER_BYTES }, options) as Uint8Array;
    assert.equal(bytes.length, TRANSFER_BYTES);
  };
  for (const [what, transfer] of [["a stream", readAll], ["one value", readWhole]] as const) {
    await test.step(what, async () => {
      const { p99, calls, transferMs } = await during(transfer());
      report(
        `${what}: ${calls} calls, p99 ${p99.toFixed(1)} ms, the transfer took ${transferMs.toFixed(0)} ms`,
      );
      // Whoever waited for the transfer would have waited for as long as it took.
      assert.ok(p99 < transferMs / 4, `${p99} of ${transferMs} ms`);
      assert.ok(calls > 100, String(calls));
    });
  }

  await test.step("a stream that nobody reads", async () => {
    const items = await runtime.request("bulk/stream", { bytes: TRANSFER_BYTES }) as ReadableStream<
      Uint8Array
    >;
    const { calls } = await during(pause(500));
    report(`a stream that nobody reads: ${calls} calls`);
    assert.ok(calls > quiet.calls / 4, `${calls}, without it ${quiet.calls}`);
    await items.cancel();
  });
});

function report(text: string): void {
  // deno-lint-ignore no-console -- measurements are for whoever reads the run
  console.log(text);
}

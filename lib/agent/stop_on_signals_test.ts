import assert from "node:assert/strict";
import { stopOnSignals } from "./stop_on_signals.ts";

/** Has this process told something, and waits until it was. */
async function tell(signal: Deno.Signal): Promise<void> {
  const told = Promise.withResolvers<void>();
  const handler = () => told.resolve();
  Deno.addSignalListener(signal, handler);
  // A handler of signals alone keeps no process waiting.
  const waiting = setInterval(() => {}, 1_000);
  Deno.kill(Deno.pid, signal);
  await told.promise;
  clearInterval(waiting);
  Deno.removeSignalListener(signal, handler);
}

Deno.test({
  name: "stopOnSignals() stops at the first signal, ends when that is done, and at once at the second",
  ignore: Deno.build.os === "windows",
  async fn() {
    const signals = ["SIGUSR2"] as const;
    const [stopped, exited] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const codes: number[] = [];
    let stops = 0;
    const node = { stop: () => (stops++, stopped.promise) };
    const exit = (code: number) => {
      codes.push(code);
      if (code === 0) exited.resolve();
    };
    using _ = stopOnSignals(node, { signals, exit });
    await tell("SIGUSR2");
    assert.deepEqual([stops, codes], [1, []]);
    await tell("SIGUSR2");
    assert.deepEqual([stops, codes], [1, [130]]);
    stopped.resolve();
    await exited.promise;
    assert.deepEqual(codes, [130, 0]);
  },
});

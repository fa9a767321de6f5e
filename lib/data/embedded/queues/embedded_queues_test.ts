import { openSample } from "../../testing/embedded_sample.ts";
import { testQueueEngine } from "../../testing/queue_conformance.ts";

testQueueEngine("embedded queues", async () => {
  const folder = await Deno.makeTempDir({ prefix: "weft-queues-" });
  let now = 1_700_000_000_000;
  return {
    open: () => Promise.resolve(openSample(`${folder}/data.db`, { wall: () => now, now: () => now })),
    pass: (ms) => Promise.resolve(void (now += ms)),
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
});

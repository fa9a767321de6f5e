import assert from "node:assert/strict";
import type { ByteStream } from "../../base/mod.ts";
import { openLocalChannel } from "../../channel/mod.ts";
import { systemClock, systemTimers } from "../../host/mod.ts";
import { programId } from "../../service/mod.ts";
import { ServiceLinks } from "./service_links.ts";

/** Nothing comes from it, and what is written to it stays where it is. */
function stuckStream(): ByteStream {
  const closed = Promise.withResolvers<undefined>();
  return {
    remoteAddress: "nowhere",
    read: () => closed.promise,
    write: () => closed.promise.then(() => false),
    close: () => closed.resolve(undefined),
  } as unknown as ByteStream;
}

Deno.test("a channel that takes its leave is no link, however much waits in it", async () => {
  const links = new ServiceLinks(() => undefined);
  const program = programId(1);
  const channel = openLocalChannel(stuckStream(), { clock: systemClock, timers: systemTimers });
  links.addProgram(program, channel);
  const message = new Uint8Array(24 << 10);
  assert.equal(links.post(program, message), "queued");
  while (links.post(program, message) === "queued");
  assert.equal(links.post(program, message), "congested");
  assert.equal(await links.reach(program), true);

  channel.close("the agent stops");
  assert.ok(channel.queuedBytes > 0);
  assert.equal(links.post(program, message), "no-link");
  assert.equal(links.openStream(program, message), undefined);
  assert.equal(await links.reach(program), false);
  assert.equal(links.channel(program), undefined);
  await channel.closed;
});

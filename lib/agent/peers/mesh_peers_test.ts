import assert from "node:assert/strict";
import type { ByteStream } from "../../base/mod.ts";
import { openLocalChannel } from "../../channel/mod.ts";
import { systemClock, systemTimers } from "../../host/mod.ts";
import { type PeerId, programId } from "../../service/mod.ts";
import { MeshPeers, type RunningNode } from "./mesh_peers.ts";
import type { AgentContext } from "../agent_context.ts";

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

Deno.test("MeshPeers has no link by a channel that is closing, however much waits in it", async () => {
  const peers = new MeshPeers({} as AgentContext, { session: undefined }, () => []);
  const program = programId(1);
  const channel = openLocalChannel(stuckStream(), { clock: systemClock, timers: systemTimers });
  peers.addProgram(program, channel);
  const message = new Uint8Array(24 << 10);
  assert.equal(peers.post(program, message), "queued");
  while (peers.post(program, message) === "queued");
  assert.equal(peers.post(program, message), "congested");
  assert.equal(await peers.reach(program), true);

  channel.close("the agent stops");
  assert.ok(channel.queuedBytes > 0);
  assert.equal(peers.post(program, message), "no-link");
  assert.equal(peers.openStream(program, message), undefined);
  assert.equal(await peers.reach(program), false);
  assert.equal(peers.channel(program), undefined);
  await channel.closed;
});

Deno.test("MeshPeers.isHealthy() goes by the verdict once a channel is silent, though it is open for longer", () => {
  const peer = "b".repeat(64) as PeerId;
  const channel = { isOpen: true, silentMs: 0 };
  let healthy: boolean | undefined = false;
  let link: { channel: typeof channel } | undefined = { channel };
  const mesh = { roster: { get: () => ({ record: {} }) } };
  const health = { checker: { figures: () => healthy === undefined ? undefined : { healthy } } };
  const session = { messages: { links: { get: () => link } }, health };
  const peers = new MeshPeers(
    { mesh } as unknown as AgentContext,
    { session } as unknown as RunningNode,
    () => [],
  );
  assert.equal(peers.isHealthy(peer), true, "it speaks, whatever its tunnel does");
  channel.silentMs = 13_000;
  assert.equal(peers.isHealthy(peer), false, "it is cut off");
  healthy = true;
  assert.equal(peers.isHealthy(peer), true, "its tunnel answers");
  [healthy, link] = [undefined, undefined];
  assert.equal(peers.isHealthy(peer), true, "nothing is known of it");
});

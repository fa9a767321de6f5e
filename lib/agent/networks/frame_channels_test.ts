import assert from "node:assert/strict";
import type { Channel } from "../../channel/mod.ts";
import { Fixture, settle } from "../../channel/testing/memory_stream.ts";
import type { NodeId } from "../../mesh/mod.ts";
import { FrameChannels } from "./frame_channels.ts";

const NEAR = "1".repeat(32) as NodeId;
const FAR = "2".repeat(32) as NodeId;

interface Ends {
  readonly fixture: Fixture;
  readonly near: FrameChannels;
  readonly far: FrameChannels;
  readonly nearChannel: Channel;
  readonly farChannel: Channel;
  /** What the far end has been handed. */
  readonly got: { readonly from: NodeId; readonly packet: Uint8Array }[];
}

async function connected(known?: FrameChannels): Promise<Ends> {
  const fixture = new Fixture();
  const got: Ends["got"] = [];
  const near = known ?? new FrameChannels(fixture.clock, () => {});
  const far = new FrameChannels(fixture.clock, (from, packet) => got.push({ from, packet: packet.slice() }));
  const [nearChannel, farChannel] = await fixture.connect();
  near.prepare(nearChannel);
  far.prepare(farChannel);
  return { fixture, near, far, nearChannel, farChannel, got };
}

async function linked(): Promise<Ends> {
  const ends = await connected();
  ends.near.handleLink({ nodeId: FAR, channel: ends.nearChannel, dialler: "us", way });
  ends.far.handleLink({ nodeId: NEAR, channel: ends.farChannel, dialler: "them", way });
  return ends;
}

const closed = async ({ nearChannel, farChannel }: Ends): Promise<void> => {
  nearChannel.close();
  farChannel.close();
  await Promise.all([nearChannel.closed, farChannel.closed]);
};

const way = { kind: "relay", via: NEAR } as const;

Deno.test("FrameChannels carries packets to a member and says who sent them", async () => {
  const ends = await linked();
  const packet = new Uint8Array(1400).fill(1);
  assert.ok(ends.near.send(FAR, packet));
  // The packet was copied.
  packet.fill(2);
  assert.ok(ends.near.send(FAR, packet));
  await settle();
  assert.deepEqual(ends.got.map(({ from, packet }) => [from, packet.length, packet[0]]), [
    [NEAR, 1400, 1],
    [NEAR, 1400, 2],
  ]);
  await closed(ends);
});

Deno.test("FrameChannels drops what is for nobody, too long, or from a channel that is no link yet", async () => {
  const ends = await connected();
  assert.equal(ends.near.send(FAR, new Uint8Array(60)), false);
  ends.near.handleLink({ nodeId: FAR, channel: ends.nearChannel, dialler: "us", way });
  assert.equal(ends.near.send(FAR, new Uint8Array(70_000)), false);
  assert.ok(ends.near.send(FAR, new Uint8Array(60)));
  await settle();
  assert.equal(ends.got.length, 0);
  assert.equal(ends.near.counters.get("frames-no-link"), 1);
  assert.equal(ends.near.counters.get("frames-too-long"), 1);
  assert.equal(ends.far.counters.get("frames-early"), 1);
  await closed(ends);
});

Deno.test("FrameChannels drops the newest when 512 KiB wait on a link, and goes on when there is room", async () => {
  const ends = await linked();
  const packet = new Uint8Array(1400);
  let taken = 0;
  for (let i = 0; i < 1_000; i++) if (ends.near.send(FAR, packet)) taken++;
  assert.ok(taken >= 300 && taken <= 400, `${taken} were taken`);
  assert.equal(ends.near.counters.get("frames-link-full"), 1_000 - taken);
  await settle();
  assert.equal(ends.got.length, taken);
  assert.ok(ends.near.send(FAR, packet));
  await closed(ends);
});

Deno.test("FrameChannels forgets a link that is closed, and keeps the one that took its place", async () => {
  const former = await linked();
  const { near } = former;
  const next = await connected(near);
  near.handleLink({ nodeId: FAR, channel: next.nearChannel, dialler: "us", way });
  next.far.handleLink({ nodeId: NEAR, channel: next.farChannel, dialler: "them", way });
  await closed(former);
  near.handleLinkClosed(FAR);
  assert.ok(near.send(FAR, new Uint8Array(60)));
  await settle();
  assert.deepEqual([former.got.length, next.got.length], [0, 1]);
  await closed(next);
  near.handleLinkClosed(FAR);
  assert.equal(near.send(FAR, new Uint8Array(60)), false);
  assert.equal(near.counters.get("frames-no-link"), 1);
});

Deno.test("FrameChannels takes from one member what a second allows, however much it sends", async () => {
  const ends = await linked();
  const packet = new Uint8Array(60);
  const cost = 512 + packet.length;
  const burst = Math.ceil((8 << 20) / cost);
  let sent = 0;
  while (sent < 2 * burst) {
    if (ends.near.send(FAR, packet)) sent++;
    else await settle();
  }
  await settle();
  assert.ok(ends.got.length >= burst && ends.got.length <= burst + 2, `${ends.got.length} of ${burst}`);
  assert.equal(ends.far.counters.get("frames-rate-of-member"), sent - ends.got.length);
  ends.fixture.clock.advance(1_000);
  ends.near.send(FAR, packet);
  await settle();
  assert.ok(ends.got.length >= burst + 1);
  await closed(ends);
});

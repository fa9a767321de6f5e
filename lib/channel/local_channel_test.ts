import assert from "node:assert/strict";
import { utf8Bytes } from "../base/mod.ts";
import { openLocalChannel } from "./local_channel.ts";
import { Fixture, settle, streamPair } from "./testing/memory_stream.ts";

Deno.test("openLocalChannel() gives a channel without a key of the other end, which carries streams and messages", async () => {
  const fixture = new Fixture(true);
  const [near, far] = await fixture.connect();
  assert.throws(() => near.remoteStatic, TypeError);
  assert.equal(near.reply.length, 0);
  far.onStream("files", (stream) => void stream.write(utf8Bytes("answer")).then(() => stream.end()));
  const stream = near.openStream("files", utf8Bytes("header"));
  assert.deepEqual(await stream.read(), utf8Bytes("answer"));
  assert.equal(await near.send({ topic: "mesh", body: utf8Bytes("body") }), true);
  assert.deepEqual(await far.receive(), { topic: "mesh", body: utf8Bytes("body") });
  near.close("done");
  await Promise.all([near.closed, far.closed]);
  assert.equal(far.closeReason, "done");
  assert.equal(fixture.timers.size, 0);
});

Deno.test("openLocalChannel() and acceptChannel() never understand each other", async () => {
  const fixture = new Fixture();
  const accepting = fixture.accept();
  const local = openLocalChannel(fixture.near, { clock: fixture.clock, timers: fixture.timers });
  local.post("mesh", utf8Bytes("body"));
  assert.equal(await accepting, undefined);
  await local.closed;
  assert.deepEqual(fixture.drops(), { "channel-handshake-rejected": 1 });

  const [near, far] = streamPair();
  const opening = fixture.open(near);
  const other = openLocalChannel(far, { clock: fixture.clock, timers: fixture.timers });
  other.post("mesh", utf8Bytes("body"));
  await assert.rejects(opening);
  await other.closed;
  await settle();
  assert.equal(fixture.timers.size, 0);
});

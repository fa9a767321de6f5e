import assert from "node:assert/strict";
import fc from "fast-check";
import { concatBytes, utf8Bytes } from "../../base/mod.ts";
import type { Channel } from "../channel.ts";
import { splitHandshake, startHandshake } from "../handshake.ts";
import { encodeEnvelope } from "../testing/envelope_oracle.ts";
import { Fixture, type MemoryStream, sealRecords, settle } from "../testing/memory_stream.ts";
import { encodeFrame, FrameReader } from "./frame_reader.ts";
import type { RecordSealer } from "./record_cipher.ts";

/** An initiator that has proven itself, and then says what it likes. */
interface Hostile {
  readonly fixture: Fixture;
  readonly stream: MemoryStream;
  readonly sealer: RecordSealer;
  readonly channel: Channel;
}

async function letIn(): Promise<Hostile> {
  const fixture = new Fixture();
  const handshake = startHandshake("initiator", {
    localStatic: fixture.initiatorKey,
    remoteStatic: fixture.responderKey.publicKey,
    random: fixture.random,
    clock: fixture.clock,
    timers: fixture.timers,
  });
  const accepting = fixture.accept();
  await fixture.near.write(encodeFrame(handshake.writeMessage(new Uint8Array(5))));
  const answer = await new FrameReader(fixture.near).read();
  assert(answer && handshake.readMessage(answer));
  const { sealer } = splitHandshake(handshake);
  await fixture.near.write(sealRecords(sealer, new Uint8Array(0)));
  const accepted = await accepting;
  assert(accepted);
  return { fixture, stream: fixture.near, sealer, channel: accepted.channel };
}

const payload = encodeEnvelope({ case: "payload", value: { topic: "mesh", body: utf8Bytes("body") } });

Deno.test("Channel closes on garbage and counts why", async (test) => {
  const cases: Record<string, { say: (sealer: RecordSealer) => Uint8Array; drop: string }> = {
    "a frame of length zero": { say: () => new Uint8Array(2), drop: "channel-record-rejected" },
    "a record that is not sealed": {
      say: () => encodeFrame(new Uint8Array(40)),
      drop: "channel-record-rejected",
    },
    "a record twice": {
      say: (sealer) => {
        const record = sealRecords(sealer, payload);
        return concatBytes(record, record);
      },
      drop: "channel-record-rejected",
    },
    "an empty record": {
      say: (sealer) => sealRecords(sealer, new Uint8Array(0)),
      drop: "channel-record-rejected",
    },
    "an empty envelope": {
      say: (sealer) => sealRecords(sealer, new Uint8Array(4)),
      drop: "channel-message-malformed",
    },
    "an envelope of 4 GiB": {
      say: (sealer) => sealRecords(sealer, new Uint8Array(4).fill(255)),
      drop: "channel-message-too-long",
    },
    "data of a stream that was never begun": {
      say: (sealer) =>
        sealRecords(
          sealer,
          encodeEnvelope({ case: "streamData", value: { stream: 1, data: Uint8Array.of(1) } }),
        ),
      drop: "channel-stream-violation",
    },
    "a stream of an id that is not its": {
      say: (sealer) =>
        sealRecords(sealer, encodeEnvelope({ case: "streamOpen", value: { stream: 2, topic: "files" } })),
      drop: "channel-stream-violation",
    },
    "a topic that is no UTF-8": {
      say: (sealer) => sealRecords(sealer, Uint8Array.of(0, 0, 0, 5, 0x22, 3, 0x0a, 1, 0xff)),
      drop: "channel-message-malformed",
    },
    "an envelope of an unknown kind": {
      say: (sealer) => sealRecords(sealer, Uint8Array.of(0, 0, 0, 2, 0x7a, 0)),
      drop: "channel-message-malformed",
    },
  };
  for (const [name, { say, drop }] of Object.entries(cases)) {
    await test.step(name, async () => {
      const { fixture, stream, sealer, channel } = await letIn();
      await stream.write(say(sealer));
      await channel.closed;
      assert(fixture.far.isClosed);
      assert.deepEqual(fixture.drops(), { [drop]: 1 });
      assert.equal(fixture.timers.size, 0);
    });
  }
});

Deno.test("Channel gives out no message that is cut off at any byte, and closes", async () => {
  for (let length = 0; length < payload.length + 18; length++) {
    const { stream, sealer, channel } = await letIn();
    await stream.write(sealRecords(sealer, payload).subarray(0, length));
    await settle();
    stream.close();
    assert.equal(await channel.receive(), undefined);
    await channel.closed;
  }
});

Deno.test("Channel survives any sealed bytes by closing or by waiting for more", async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 300 }), async (bytes) => {
      const { fixture, stream, sealer, channel } = await letIn();
      await stream.write(sealRecords(sealer, bytes));
      await settle();
      stream.close();
      await channel.closed;
      assert.equal(fixture.timers.size, 0);
    }),
    { numRuns: 30 },
  );
});

Deno.test("Channel keeps one answer due when an end that reads nothing floods it with pings", async () => {
  const { fixture, stream, sealer, channel } = await letIn();
  const before = fixture.far.written.length;
  for (let number = 0; number < 10_000; number++) {
    await stream.write(sealRecords(sealer, encodeEnvelope({ case: "ping", value: { number } })));
  }
  await settle();
  // The stream takes 64 KiB before its writer waits.
  assert(fixture.far.written.length - before < 66 << 10);
  stream.close();
  await channel.closed;
});

Deno.test("Channel ends when an end that reads no answers floods it with streams nobody serves", async () => {
  const { fixture, stream, sealer, channel } = await letIn();
  for (let id = 1; id < 20_000; id += 2) {
    await stream.write(
      sealRecords(sealer, encodeEnvelope({ case: "streamOpen", value: { stream: id, topic: "nobody" } })),
    );
  }
  await channel.closed;
  assert.deepEqual(fixture.drops(), { "channel-stream-violation": 1 });
});

Deno.test("Channel ignores answers to pings that were never sent", async () => {
  const { stream, sealer, channel } = await letIn();
  await stream.write(sealRecords(sealer, encodeEnvelope({ case: "pong", value: { number: 1 } })));
  await stream.write(sealRecords(sealer, payload));
  assert.equal((await channel.receive())?.topic, "mesh");
  assert.equal(channel.lastRttMs, undefined);
  stream.close();
  await channel.closed;
});

Deno.test("Channel.closeReason is cut to 100 characters", async () => {
  const { stream, sealer, channel } = await letIn();
  await stream.write(
    sealRecords(sealer, encodeEnvelope({ case: "close", value: { reason: "x".repeat(100_000) } })),
  );
  await channel.closed;
  assert.equal(channel.closeReason, "x".repeat(100));
});

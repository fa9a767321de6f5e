import assert from "node:assert/strict";
import fc from "fast-check";
import { concatBytes, utf8Bytes } from "../base/mod.ts";
import { PresharedKey, PrivateKey } from "../crypto/mod.ts";
import { ChannelClosedError, ChannelRefusedError, ChannelTimeoutError } from "./errors.ts";
import { encodeVersions, HANDSHAKE_VERSIONS, VERSIONS_BYTES } from "./handshake_versions.ts";
import { encodeFrame } from "./records/frame_reader.ts";
import { Fixture, readAll, settle, streamPair } from "./testing/memory_stream.ts";
import { HANDSHAKE_TIMEOUT_MS } from "./handshake.ts";

const REFUSAL = encodeFrame(encodeVersions(HANDSHAKE_VERSIONS));

/** @returns what a question of so many bytes gets: no answer is longer */
function refusalOf(length: number): Uint8Array {
  return length < VERSIONS_BYTES ? new Uint8Array(2) : REFUSAL;
}

/** Sends bytes to a responder and hangs up its own direction only by reading to the end. */
async function say(fixture: Fixture, bytes: Uint8Array): Promise<Uint8Array> {
  const [near, far] = streamPair();
  const accepting = fixture.accept(far);
  await near.write(bytes);
  const answer = await readAll(near);
  assert.equal(await accepting, undefined);
  assert(far.isClosed);
  return answer;
}

/** @returns the bytes of an honest first message */
async function firstMessage(fixture: Fixture): Promise<Uint8Array> {
  const [near, far] = streamPair();
  const opening = assert.rejects(fixture.open(near), ChannelClosedError);
  await settle();
  far.close();
  await opening;
  return near.written;
}

Deno.test("openChannel() and acceptChannel() hand over hello, reply and context", async () => {
  const fixture = new Fixture();
  const hellos: string[] = [];
  const presharedKey = PresharedKey.generate(fixture.random);
  const [near, accepted] = await Promise.all([
    fixture.open(fixture.near, { presharedKey, hello: utf8Bytes("let me in") }),
    fixture.accept(fixture.far, {
      presharedKey,
      authorize: (hello) => {
        hellos.push(new TextDecoder().decode(hello));
        return { reply: utf8Bytes("welcome"), context: "member" };
      },
    }),
  ]);
  assert.deepEqual(hellos, ["let me in"]);
  assert.deepEqual(near.reply, utf8Bytes("welcome"));
  assert.equal(accepted?.context, "member");
  near.close();
  await accepted.channel.closed;
  assert.deepEqual(fixture.drops(), {});
});

Deno.test("acceptChannel() gives the same answer for every reason", async (test) => {
  const cases: Record<
    string,
    { accept?: Parameters<Fixture["accept"]>[1]; wrongKey?: boolean; drop: string }
  > = {
    "another responder's key": { wrongKey: true, drop: "channel-handshake-rejected" },
    "not authorized": { accept: { authorize: () => undefined }, drop: "channel-handshake-unauthorized" },
    "an exception": {
      accept: {
        authorize: () => {
          throw new Error("a defect");
        },
      },
      drop: "channel-handshake-authorize-failed",
    },
    "a reply that is longer than the question": {
      accept: { authorize: () => ({ reply: new Uint8Array(5 + 49), context: "" }) },
      drop: "channel-handshake-reply-too-long",
    },
  };
  for (const [name, { accept, wrongKey, drop }] of Object.entries(cases)) {
    await test.step(name, async () => {
      const fixture = new Fixture();
      const dialler = wrongKey ? new Fixture() : fixture;
      if (wrongKey) Object.assign(dialler, { responderKey: PrivateKey.generate(fixture.random) });
      const accepting = fixture.accept(fixture.far, accept);
      await assert.rejects(dialler.open(fixture.near), (error) => {
        assert(error instanceof ChannelRefusedError);
        return !error.retryable;
      });
      assert.equal(await accepting, undefined);
      assert.deepEqual(fixture.far.written, REFUSAL);
      assert(fixture.near.isClosed && fixture.far.isClosed);
      assert.deepEqual(fixture.drops(), { [drop]: 1 });
      assert.equal(fixture.timers.size, 0);
    });
  }
});

Deno.test("acceptChannel() may answer with as many bytes as it was sent", async () => {
  const fixture = new Fixture();
  const authorize = () => ({ reply: new Uint8Array(5 + 48), context: "" });
  const [near, accepted] = await Promise.all([fixture.open(), fixture.accept(fixture.far, { authorize })]);
  assert.equal(fixture.far.written.length, 2 + 96 + 5);
  near.close();
  await accepted?.channel.closed;
});

Deno.test("openChannel() is refused by whoever has another preshared key, and opens nothing there", async () => {
  const fixture = new Fixture();
  const accepting = fixture.accept(fixture.far, { presharedKey: PresharedKey.generate(fixture.random) });
  await assert.rejects(fixture.open(), ChannelRefusedError);
  assert.equal(await accepting, undefined);
  assert.deepEqual(fixture.drops(), { "channel-handshake-closed": 1 });
});

Deno.test("acceptChannel() opens nothing for a replayed first message", async () => {
  const fixture = new Fixture();
  const [near, accepted] = await Promise.all([fixture.open(), fixture.accept()]);
  await near.send({ topic: "mesh", body: utf8Bytes("once") });
  await accepted?.channel.receive();
  near.close();
  await accepted?.channel.closed;

  const replay = fixture.near.written;
  const answer = await say(fixture, replay);
  assert(answer.length <= 2 + 96 + 5, "the answer is no longer than the question");
  assert.deepEqual(fixture.drops(), { "channel-handshake-unconfirmed": 1 });
  assert.equal(fixture.timers.size, 0);

  const [silent, far] = streamPair();
  const accepting = fixture.accept(far);
  await silent.write(replay.subarray(0, 2 + 96 + 5));
  await settle();
  fixture.timers.advance(HANDSHAKE_TIMEOUT_MS);
  assert.equal(await accepting, undefined);
  assert.equal(fixture.drops()["channel-handshake-timeout"], 1);
});

Deno.test("acceptChannel() says nothing to a first message that is cut off", async () => {
  const fixture = new Fixture();
  const message = await firstMessage(fixture);
  assert.equal(message.length, 2 + 96 + 5);
  for (let length = 0; length < message.length; length++) {
    const [near, far] = streamPair();
    const accepting = fixture.accept(far);
    await near.write(message.subarray(0, length));
    await settle();
    near.close();
    assert.equal(await accepting, undefined);
    assert.equal(far.written.length, 0);
  }
  assert.deepEqual(fixture.drops(), { "channel-handshake-closed": message.length });
});

Deno.test("acceptChannel() refuses a first message with a flipped bit or of another length", async () => {
  const fixture = new Fixture();
  const message = await firstMessage(fixture);
  for (let at = 2; at < message.length; at += 3) {
    const flipped = message.slice();
    flipped[at] = (flipped[at] ?? 0) ^ 1 << at % 8;
    // RFC 7748 §5: the highest bit of a public key is not looked at, but it is part of the transcript.
    assert.deepEqual(await say(fixture, flipped), REFUSAL, `byte ${at}`);
  }
  for (let length = 0; length < message.length - 2; length += 5) {
    const cut = encodeFrame(message.subarray(2, 2 + length));
    assert.deepEqual(await say(fixture, cut), refusalOf(length), `${length}`);
  }
});

Deno.test("acceptChannel() answers random frames with a refusal, and random bytes with no more", async () => {
  const fixture = new Fixture();
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (bytes) => {
      assert.deepEqual(await say(fixture, encodeFrame(bytes)), refusalOf(bytes.length));
      const [near, far] = streamPair();
      const accepting = fixture.accept(far);
      await near.write(bytes);
      await settle();
      near.close();
      assert.equal(await accepting, undefined);
      assert(far.written.length <= Math.min(2, bytes.length));
    }),
    { numRuns: 50 },
  );
  assert.deepEqual(await say(fixture, encodeFrame(new Uint8Array(65_535))), REFUSAL);
});

Deno.test("openChannel() takes random answers for a refusal and never throws anything else", async () => {
  const fixture = new Fixture();
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) => {
      const [near, far] = streamPair();
      const opening = assert.rejects(fixture.open(near), ChannelRefusedError);
      await far.write(encodeFrame(bytes));
      await opening;
      assert(near.isClosed);
    }),
    { numRuns: 30 },
  );
});

Deno.test("openChannel() tells when the other side hangs up, and when nobody answers", async () => {
  const fixture = new Fixture();
  const hungUp = assert.rejects(fixture.open(), (error) => {
    assert(error instanceof ChannelClosedError);
    return error.retryable;
  });
  await settle();
  fixture.far.close();
  await hungUp;

  const [near, silent] = streamPair();
  const late = assert.rejects(fixture.open(near), ChannelTimeoutError);
  await settle();
  fixture.timers.advance(HANDSHAKE_TIMEOUT_MS - 1);
  await settle();
  assert.equal(near.isClosed, false);
  fixture.timers.advance(1);
  await late;
  assert(near.isClosed);
  assert.equal(fixture.timers.size, 0);
  silent.close();
});

Deno.test("openChannel() gives up when its signal fires", async () => {
  const fixture = new Fixture();
  const controller = new AbortController();
  const reason = new Error("changed my mind");
  const opening = assert.rejects(fixture.open(fixture.near, { signal: controller.signal }), reason);
  await settle();
  controller.abort(reason);
  await opening;
  assert(fixture.near.isClosed);
  await assert.rejects(fixture.open(streamPair()[0], { signal: controller.signal }), reason);
  assert.equal(fixture.timers.size, 0);
});

Deno.test("acceptChannel() hangs up on slow talkers without a word", async () => {
  const fixture = new Fixture();
  const message = await firstMessage(fixture);
  const accepting = fixture.accept();
  for (let at = 0; at < 10; at++) {
    await fixture.near.write(message.subarray(at, at + 1));
    await settle();
    fixture.timers.advance(HANDSHAKE_TIMEOUT_MS / 10);
  }
  assert.equal(await accepting, undefined);
  assert.equal(fixture.far.written.length, 0);
  assert.deepEqual(fixture.drops(), { "channel-handshake-timeout": 1 });
});

Deno.test("acceptChannel() opens for a first message that comes byte by byte with the rest behind it", async () => {
  const fixture = new Fixture();
  const [slow, end] = streamPair();
  const opening = fixture.open(slow);
  const accepting = fixture.accept();
  await settle();
  for (const byte of slow.written) await fixture.near.write(Uint8Array.of(byte));
  await settle();
  await end.write(fixture.far.written);
  const channel = await opening;
  await channel.send({ topic: "mesh", body: utf8Bytes("at once") });
  await settle();
  await fixture.near.write(concatBytes(slow.written.subarray(2 + 96 + 5)));
  const accepted = await accepting;
  assert.deepEqual((await accepted?.channel.receive())?.body, utf8Bytes("at once"));
  channel.close();
  end.close();
  fixture.near.close();
  await Promise.all([channel.closed, accepted?.channel.closed]);
});

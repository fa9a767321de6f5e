import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import type { Channel } from "../channel/mod.ts";
import { Fixture } from "../channel/testing/memory_stream.ts";
import { type Dial, isRefusal, type Refusal, REFUSAL_CODES, REFUSALS } from "./dial.ts";
import { parseForward } from "./forward_spec.ts";
import {
  acceptForward,
  awaitAccepted,
  decodeForwardHeader,
  encodeForwardHeader,
  FORWARD_TOPIC,
} from "./forward_stream.ts";
import { PortForward } from "./port_forward.ts";
import { PortOffer } from "./port_offer.ts";
import { connectTcp } from "./tcp_duplex.ts";
import { echoServer, memoryPair, pattern, readAll, sendAll, until } from "./testing/streams.ts";

const LIMITS = { signal: new AbortController().signal, timeoutMs: 5_000 };

for (
  const [host, port] of [["web", 80], ["fd00::7", 65535], ["10.0.0.1", 1], ["x".repeat(253), 256]] as const
) {
  Deno.test(`encodeForwardHeader() carries port ${port} of ${host.slice(0, 20)}`, () => {
    const header = encodeForwardHeader({ host, port });
    assert.equal(header.length, 3 + host.length);
    assert.deepEqual(decodeForwardHeader(header), { host, port });
    for (let length = 0; length < 4; length++) {
      assert.equal(decodeForwardHeader(header.subarray(0, length)), undefined);
    }
  });
}

for (
  const [host, port] of [["", 80], ["Web", 80], ["a b", 80], ["x".repeat(254), 80], ["web", 0], [
    "web",
    65536,
  ]] as const
) {
  Deno.test(`encodeForwardHeader() refuses port ${port} of ${JSON.stringify(host.slice(0, 10))}`, () => {
    assert.throws(() => encodeForwardHeader({ host, port }), RangeError);
  });
}

Deno.test("decodeForwardHeader() takes any bytes, and gives only what can be encoded", () => {
  for (const bad of [[2, 0, 80, 0x77], [1, 0, 0, 0x77], [1, 0, 80, 0x57], [1, 0, 80, 0], [1, 0, 80, 0x2e]]) {
    assert.equal(decodeForwardHeader(Uint8Array.from(bad)), undefined);
  }
  const header = fc.tuple(fc.constantFrom([], [1], [1, 0, 80]), fc.uint8Array({ maxLength: 300 }));
  fc.assert(fc.property(header, ([start, rest]) => {
    const bytes = Uint8Array.of(...start, ...rest);
    const target = decodeForwardHeader(bytes);
    if (target !== undefined) assert.deepEqual(encodeForwardHeader(target), bytes);
  }));
});

Deno.test("awaitAccepted() gives the stream behind the answer", async () => {
  const [near, far] = memoryPair();
  const accepted = awaitAccepted(near, LIMITS);
  await acceptForward(far);
  const stream = await accepted;
  assert.ok(!isRefusal(stream));
  void sendAll(far, pattern(10));
  assert.deepEqual(await readAll(stream), pattern(10));
  const [next, other] = memoryPair();
  void other.write(Uint8Array.of(0, 7, 8));
  const early = await awaitAccepted(next, LIMITS);
  assert.ok(!isRefusal(early));
  assert.deepEqual(await early.read(), Uint8Array.of(7, 8));
});

Deno.test("awaitAccepted() says why there is no connection", async () => {
  for (const refusal of REFUSALS) {
    const [near, far] = memoryPair();
    far.reset(REFUSAL_CODES[refusal]);
    assert.deepEqual(await awaitAccepted(near, LIMITS), { refusal });
  }
  const [ended, end] = memoryPair();
  end.end();
  assert.deepEqual(await awaitAccepted(ended, LIMITS), { refusal: "failed" });
  const [strange, sender] = memoryPair();
  void sender.write(Uint8Array.of(9));
  assert.deepEqual(await awaitAccepted(strange, LIMITS), { refusal: "failed" });
  assert.equal(sender.resetCode, REFUSAL_CODES.failed);
  const [slow, silent] = memoryPair();
  assert.deepEqual(await awaitAccepted(slow, { ...LIMITS, timeoutMs: 10 }), { refusal: "timeout" });
  assert.equal(silent.resetCode, REFUSAL_CODES.timeout);
  const [stopped] = memoryPair();
  const limits = { signal: AbortSignal.abort(), timeoutMs: 5_000 };
  assert.deepEqual(await awaitAccepted(stopped, limits), { refusal: "failed" });
});

/** What a node does with `channel`, in short. */
const through = (channel: Channel): Dial => (host, port, signal) =>
  awaitAccepted(channel.openStream(FORWARD_TOPIC, encodeForwardHeader({ host, port })), {
    signal,
    timeoutMs: 5_000,
  });

function serve(channel: Channel, offers: ReadonlyMap<string, PortOffer>): void {
  channel.onStream(FORWARD_TOPIC, (stream, header) => {
    const target = decodeForwardHeader(header);
    const offer = offers.get(`${target?.host}:${target?.port}`);
    if (offer === undefined) stream.reset(REFUSAL_CODES["refused-by-policy"]);
    else void offer.serve(stream, () => void acceptForward(stream));
  });
}

Deno.test("PortForward reaches a service behind a channel, 8 MB both ways, and hears why it does not", async () => {
  const [near, far] = await new Fixture().connect();
  await using server = echoServer();
  const gone = echoServer();
  await gone[Symbol.asyncDispose]();
  await using offer = new PortOffer({ port: server.port });
  await using closed = new PortOffer({ port: gone.port });
  serve(far, new Map([["web:80", offer], ["web:81", closed]]));
  const sent = pattern(8 << 20);
  const expected: Readonly<Record<string, Refusal | undefined>> = {
    "0:web:80": undefined,
    "0:web:81": "connection-refused",
    "0:web:82": "refused-by-policy",
  };
  for (const [text, refusal] of Object.entries(expected)) {
    const reasons: Refusal[] = [];
    const onRefused = (reason: Refusal): void => void reasons.push(reason);
    await using forward = new PortForward(through(near), { spec: parseForward(text), onRefused });
    forward.start();
    const client = await connectTcp("127.0.0.1", forward.port ?? assert.fail(), LIMITS);
    assert.ok(!isRefusal(client));
    if (refusal === undefined) {
      const [, received] = await Promise.all([sendAll(client, sent), readAll(client)]);
      assert.equal(Buffer.compare(received, sent), 0);
    } else assert.equal((await readAll(client)).length, 0);
    client.reset(1);
    await until(() => forward.counts.active === 0);
    assert.deepEqual(reasons, refusal === undefined ? [] : [refusal]);
  }
  await until(() => offer.counts.active + closed.counts.active === 0);
  near.close();
  await Promise.all([near.closed, far.closed]);
});

Deno.test("PortForward's connections end with the channel that carries them", async () => {
  const [near, far] = await new Fixture().connect();
  await using server = echoServer();
  await using offer = new PortOffer({ port: server.port });
  serve(far, new Map([["web:80", offer]]));
  await using forward = new PortForward(through(near), { spec: parseForward("0:web:80") });
  forward.start();
  const client = await connectTcp("127.0.0.1", forward.port ?? assert.fail(), LIMITS);
  assert.ok(!isRefusal(client));
  await client.write(pattern(100));
  assert.equal((await client.read())?.length, 100);
  const reading = client.read();
  near.close();
  assert.equal(await reading, undefined);
  client.reset(1);
  await Promise.all([near.closed, far.closed]);
  await until(() => forward.counts.active + offer.counts.active + server.active === 0);
});

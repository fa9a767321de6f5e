import assert from "node:assert/strict";
import type { ChannelStream } from "../../channel/mod.ts";
import { encodeForwardHeader, isRefusal } from "../../forward/mod.ts";
import { peerId } from "../../service/mod.ts";
import { StreamForwarder, tryEncodeHeader } from "./stream_forwarder.ts";

const SELF = peerId("self");

function forwarder(own?: string): StreamForwarder {
  return new StreamForwarder({
    find: (host) => host === "me" ? SELF : host === "away" ? peerId("away") : undefined,
    peers: {
      self: SELF,
      reach: () => Promise.resolve(false),
      channel: () => undefined,
      selector: () => () => true,
    },
    ownAddress: () => own,
  });
}

Deno.test("StreamForwarder dials ports of its own node: what is listened to, what is offered, what the host has", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const echo = (async () => {
    for await (const connection of listener) {
      await connection.readable.pipeTo(connection.writable).catch(() => {});
    }
  })();
  const forward = forwarder("127.0.0.1");
  forward.listen(7, ({ stream, peer }) => {
    assert.equal(peer, SELF);
    void stream.write(Uint8Array.of(7)).then(() => stream.end());
  });
  forward.offer(8, { hostname: "127.0.0.1", port });
  const { signal } = new AbortController();
  const first = await forward.dial("me", 7, signal);
  assert.ok(!isRefusal(first));
  assert.deepEqual([...await first.read() ?? []], [7]);
  first.end();
  for (const there of [8, port]) {
    const stream = await forward.dial("me", there, signal);
    assert.ok(!isRefusal(stream), JSON.stringify(stream));
    await stream.write(Uint8Array.of(1, 2, 3));
    assert.deepEqual([...await stream.read() ?? []], [1, 2, 3]);
    stream.end();
    assert.equal(await stream.read(), undefined);
  }
  await forward.close();
  listener.close();
  await echo;
});

Deno.test("StreamForwarder says why there is no connection", async () => {
  const forward = forwarder();
  const { signal } = new AbortController();
  assert.deepEqual(await forward.dial("nobody", 80, signal), { refusal: "no-such-name" });
  assert.deepEqual(await forward.dial("away", 80, signal), { refusal: "network-unreachable" });
  assert.deepEqual(await forward.dial("me", 80, signal), { refusal: "connection-refused" });
  assert.throws(() => forward.listen(0, () => {}), { code: "InvalidRequest" });
  const listener = forward.listen(80, () => {});
  assert.throws(() => forward.listen(80, () => {}), { code: "InvalidRequest" });
  await listener.close();
  forward.listen(80, () => {});
  await forward.close();
});

Deno.test("tryEncodeHeader() takes hosts as people write them", () => {
  assert.deepEqual(tryEncodeHeader("Web-1.Mesh", 80), encodeForwardHeader({ host: "web-1.mesh", port: 80 }));
  assert.deepEqual(tryEncodeHeader("FD00::00:1", 80), encodeForwardHeader({ host: "fd00::1", port: 80 }));
  assert.equal(tryEncodeHeader("web 1", 80), undefined);
  assert.throws(() => tryEncodeHeader("web-1", 0), RangeError);
});

Deno.test("StreamForwarder refuses a peer that has too many connections open, and nobody else", async () => {
  const forward = forwarder();
  let served = 0;
  forward.listen(7, () => served++);
  const header = encodeForwardHeader({ host: "me", port: 7 });
  const open = (peer: string) => {
    const { promise: closed, resolve } = Promise.withResolvers<void>();
    const stream = {
      codes: [] as number[],
      closed,
      end: () => resolve(),
      write: () => Promise.resolve(true),
    };
    const duplex = { ...stream, read: () => closed, reset: (code: number) => void stream.codes.push(code) };
    forward.handleStream(peerId(peer), header, duplex as unknown as ChannelStream);
    return stream;
  };
  const streams = Array.from({ length: 512 }, () => open("greedy"));
  assert.equal(served, 512);
  assert.equal(open("greedy").codes.length, 1);
  assert.deepEqual(open("modest").codes, []);
  streams[0]?.end();
  await Promise.resolve();
  assert.deepEqual(open("greedy").codes, []);
  assert.equal(served, 514);
  await forward.close();
});

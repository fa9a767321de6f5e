import assert from "node:assert/strict";
import type { Channel, ChannelStream } from "../../channel/mod.ts";
import { type Duplex, duplexPair, encodeForwardHeader, isRefusal, REFUSAL_CODES } from "../../forward/mod.ts";
import { peerId } from "../../service/mod.ts";
import { StreamForwarder, tryEncodeHeader } from "./stream_forwarder.ts";

const SELF = peerId("self");

function forwarder(own?: string): StreamForwarder {
  return new StreamForwarder({
    peers: {
      self: SELF,
      find: (host) => host === "me" ? SELF : host === "away" ? peerId("away") : undefined,
      reach: () => Promise.resolve(false),
      channel: () => undefined,
      selector: () => () => true,
    },
    ownAddress: () => own,
    tunnelAddress: () => undefined,
  });
}

/** A server that answers with its bytes and then ends, on 127.0.0.1. */
function echoServer(): { readonly port: number; close(): Promise<void> } {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serving = (async () => {
    for await (const connection of listener) {
      await connection.readable.pipeTo(connection.writable).catch(() => {});
    }
  })();
  const close = async () => {
    listener.close();
    await serving;
  };
  return { port: listener.addr.port, close };
}

/** A stream that a member opens to a port of a node. */
function openTo(forward: StreamForwarder, peer: string, port: number): Duplex {
  const [near, far] = duplexPair();
  const stream = Object.assign(far, { closed: new Promise<void>(() => {}) }) as unknown as ChannelStream;
  forward.handleStream(peerId(peer), encodeForwardHeader({ host: "me", port }), stream);
  return near;
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
  assert.throws(() => forward.listen(80, () => {}), { code: "InvalidRequest", hint: /`weft offer list`/ });
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

Deno.test("StreamForwarder leads a member's channel to what is offered and to no other port of the host", async () => {
  const server = echoServer();
  const forward = forwarder("127.0.0.1");
  const refused = openTo(forward, "member", server.port);
  assert.equal(await refused.read(), undefined);
  assert.equal(refused.resetCode, REFUSAL_CODES["connection-refused"]);
  const offered = forward.offer(server.port, { port: server.port });
  const stream = openTo(forward, "member", server.port);
  assert.deepEqual([...await stream.read() ?? []], [0]);
  await offered.close();
  const again = openTo(forward, "member", server.port);
  assert.equal(await again.read(), undefined);
  await forward.close();
  await server.close();
});

Deno.test("StreamForwarder leads to every port of the host only those whom a selector means", async () => {
  const server = echoServer();
  const admin = peerId("admin");
  const forward = new StreamForwarder({
    peers: {
      self: SELF,
      find: () => undefined,
      reach: () => Promise.resolve(false),
      channel: () => undefined,
      selector: (text) => (peer) => text === "role=admin" && peer === admin,
    },
    ownAddress: () => "127.0.0.1",
    tunnelAddress: () => undefined,
  });
  forward.allowAll("role=admin");
  const stream = openTo(forward, "admin", server.port);
  assert.deepEqual([...await stream.read() ?? []], [0]);
  const refused = openTo(forward, "other", server.port);
  assert.equal(await refused.read(), undefined);
  assert.equal(refused.resetCode, REFUSAL_CODES["connection-refused"]);
  await forward.close();
  await server.close();
});

Deno.test("StreamForwarder goes through the tunnel to what is not offered, and not around a refusal", async (test) => {
  const server = echoServer();
  const dialled = async (refusal: keyof typeof REFUSAL_CODES, tunnel: string | undefined) => {
    const [near, far] = duplexPair();
    far.reset(REFUSAL_CODES[refusal]);
    const stream = Object.assign(near, { closed: Promise.resolve() });
    const forward = new StreamForwarder({
      peers: {
        self: SELF,
        find: () => peerId("away"),
        reach: () => Promise.resolve(refusal !== "network-unreachable"),
        channel: () => ({ openStream: () => stream }) as unknown as Channel,
        selector: () => () => true,
      },
      ownAddress: () => undefined,
      tunnelAddress: () => tunnel,
    });
    const result = await forward.dial("away", server.port, new AbortController().signal);
    await forward.close();
    if (isRefusal(result)) return result.refusal;
    await result.write(Uint8Array.of(5));
    assert.deepEqual([...await result.read() ?? []], [5]);
    result.end();
    assert.equal(await result.read(), undefined);
    return "connected";
  };
  const cases = [
    ["connection-refused", "127.0.0.1", "connected"],
    ["network-unreachable", "127.0.0.1", "connected"],
    ["connection-refused", undefined, "connection-refused"],
    ["refused-by-policy", "127.0.0.1", "refused-by-policy"],
    ["timeout", "127.0.0.1", "timeout"],
  ] as const;
  for (const [refusal, tunnel, outcome] of cases) {
    await test.step(`${refusal}, ${tunnel ?? "no tunnel"}: ${outcome}`, async () => {
      assert.equal(await dialled(refusal, tunnel), outcome);
    });
  }
  await server.close();
});

Deno.test("StreamForwarder asks the policy at both ends, and ends what another policy takes away", async () => {
  let denied: readonly number[] = [9];
  const policy = {
    admitConnection: (_: string, from: string, to: string, port: number) =>
      from !== to && denied.includes(port) ? { kind: "denied", rule: "shut#1" } as const : undefined,
    mayConnect: (_: string, __: string, port: number) => !denied.includes(port),
  };
  const forward = new StreamForwarder({
    peers: {
      self: SELF,
      find: () => peerId("away"),
      reach: () => Promise.reject(new Error("nothing is sent")),
      channel: () => undefined,
      selector: () => () => true,
    },
    policy,
    ownAddress: () => undefined,
    tunnelAddress: () => undefined,
  });
  for (const port of [8, 9]) forward.listen(port, ({ stream }) => void stream.write(Uint8Array.of(port)));
  const { signal } = new AbortController();
  assert.deepEqual(await forward.dial("away", 9, signal), { refusal: "refused-by-policy", rule: "shut#1" });
  const forged = openTo(forward, "other", 9);
  assert.equal(await forged.read(), undefined);
  assert.equal(forged.resetCode, REFUSAL_CODES["refused-by-policy"]);
  const open = openTo(forward, "other", 8);
  // That it was accepted, and what the listener writes.
  assert.ok(await open.read());
  forward.handlePolicyChange();
  assert.equal(open.resetCode, undefined);
  denied = [8];
  forward.handlePolicyChange();
  while (await open.read() !== undefined);
  assert.equal(open.resetCode, REFUSAL_CODES["refused-by-policy"]);
  await forward.close();
});

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { type Dial, isRefusal, type Refusal, REFUSAL_CODES, refusalOf } from "./dial.ts";
import type { Duplex } from "./duplex.ts";
import { parseForward } from "./forward_spec.ts";
import { PortForward } from "./port_forward.ts";
import { PortOffer } from "./port_offer.ts";
import { connectTcp, type TcpDuplex } from "./tcp_duplex.ts";
import { echoServer, memoryPair, pattern, readAll, sendAll, TestServer, until } from "./testing/streams.ts";

const LIMITS = { signal: new AbortController().signal, timeoutMs: 5_000 };
const spec = parseForward("0:web:80");

async function connect(forward: PortForward): Promise<TcpDuplex> {
  const stream = await connectTcp("127.0.0.1", forward.port ?? assert.fail(), LIMITS);
  assert.ok(!isRefusal(stream));
  return stream;
}

/** What the mesh does: a stream to the node that offers the port, or why it was reset. */
const through = (offer: PortOffer): Dial => async () => {
  const [near, far] = memoryPair();
  const { promise, resolve } = Promise.withResolvers<void>();
  void offer.serve(far, resolve).then(() => resolve());
  await promise;
  return near.resetCode === undefined ? near : { refusal: refusalOf(near.resetCode) };
};

async function freePort(): Promise<number> {
  await using server = echoServer();
  return server.port;
}

Deno.test("PortForward and PortOffer carry 8 MB both ways, and the end of one direction", async () => {
  await using server = echoServer();
  await using offer = new PortOffer({ port: server.port });
  const asked: unknown[] = [];
  const reach = through(offer);
  await using forward = new PortForward((host, port, signal) => {
    asked.push([host, port]);
    return reach(host, port, signal);
  }, { spec });
  forward.start();
  const client = await connect(forward);
  const sent = pattern(8 << 20);
  const [, received] = await Promise.all([sendAll(client, sent), readAll(client)]);
  assert.equal(Buffer.compare(received, sent), 0);
  assert.deepEqual(asked, [["web", 80]]);
  await until(() => forward.counts.active + offer.counts.active === 0);
  assert.equal(forward.counts.connected, 1);
  assert.equal(offer.counts.connected, 1);
});

Deno.test("PortForward and PortOffer serve 100 connections at once", async () => {
  await using server = echoServer();
  await using offer = new PortOffer({ port: server.port });
  await using forward = new PortForward(through(offer), { spec });
  forward.start();
  const answers = await Promise.all(Array.from({ length: 100 }, async (_, i) => {
    const client = await connect(forward);
    await sendAll(client, pattern(1000 + i));
    return (await readAll(client)).length;
  }));
  assert.deepEqual(answers, answers.map((_, i) => 1000 + i));
});

Deno.test("PortForward closes a connection that is refused, and says why", async () => {
  const port = await freePort();
  await using offer = new PortOffer({ port });
  const reasons: Refusal[] = [];
  await using forward = new PortForward(through(offer), {
    spec,
    onRefused: (reason) => reasons.push(reason),
  });
  forward.start();
  const client = await connect(forward);
  assert.deepEqual(await readAll(client), new Uint8Array(0));
  client.reset(1);
  await until(() => forward.counts.active === 0);
  assert.deepEqual(reasons, ["connection-refused"]);
  assert.equal(forward.counts["connection-refused"], 1);
  assert.equal(offer.counts["connection-refused"], 1);
});

Deno.test("PortForward turns away those over its limit, and gives up dials that take too long", async () => {
  const never = new Promise<never>(() => {});
  await using forward = new PortForward(() => never, { spec, maxConnections: 1, dialTimeoutMs: 40 });
  forward.start();
  const first = await connect(forward);
  await until(() => forward.counts.active === 1);
  const second = await connect(forward);
  assert.equal(await second.read(), undefined);
  assert.equal(forward.counts["over-limit"], 1);
  assert.equal(await first.read(), undefined);
  await until(() => forward.counts.timeout === 1);
  for (const client of [first, second]) client.reset(1);
});

Deno.test("PortForward.stop() ends connections that are dialled, idle and busy", async () => {
  await using server = echoServer();
  await using offer = new PortOffer({ port: server.port });
  const reach = through(offer);
  let isHanging = false;
  const reasons: Refusal[] = [];
  const forward = new PortForward(
    (...args) => isHanging ? new Promise<never>(() => {}) : reach(...args),
    { spec, onRefused: (reason) => reasons.push(reason) },
  );
  forward.start();
  const idle = await connect(forward);
  const busy = await connect(forward);
  const writing = (async () => {
    while (await busy.write(pattern(1 << 16)));
  })();
  await until(() => forward.counts.connected === 2);
  isHanging = true;
  const dialled = await connect(forward);
  await until(() => forward.counts.active === 3);
  await Promise.all([forward.stop(), forward.stop()]);
  assert.equal(forward.counts.active, 0);
  await writing;
  for (const client of [idle, busy, dialled]) client.reset(1);
  await until(() => offer.counts.active === 0);
  assert.deepEqual(reasons, []);
});

Deno.test("PortOffer.stop() ends its streams and takes no more", async () => {
  await using server = echoServer();
  const offer = new PortOffer({ port: server.port });
  const [near, far] = memoryPair();
  const outcome = offer.serve(far);
  await near.write(pattern(100));
  assert.equal((await near.read())?.length, 100);
  const reading = near.read();
  await offer.stop();
  assert.equal(await reading, undefined);
  assert.equal(near.resetCode, REFUSAL_CODES.failed);
  assert.equal(await outcome, "connected");
  const [late, lateFar] = memoryPair();
  assert.equal(await offer.serve(lateFar), "over-limit");
  assert.equal(late.resetCode, REFUSAL_CODES.failed);
  await offer.stop();
});

Deno.test("PortOffer bounds its streams and tells when the service has accepted", async () => {
  await using server = echoServer();
  await using offer = new PortOffer({ port: server.port, maxConnections: 1 });
  const [near, far] = memoryPair();
  const { promise, resolve } = Promise.withResolvers<void>();
  const outcome = offer.serve(far, resolve);
  await promise;
  const [, second] = memoryPair();
  assert.equal(await offer.serve(second), "over-limit");
  near.end();
  assert.equal(await near.read(), undefined);
  assert.equal(await outcome, "connected");
  assert.deepEqual([offer.counts.connected, offer.counts["over-limit"], offer.counts.active], [1, 1, 0]);
});

Deno.test("PortOffer passes on that the service has broken off", async () => {
  await using server = new TestServer((stream: Duplex) => stream.reset(1));
  await using offer = new PortOffer({ port: server.port });
  const [near, far] = memoryPair();
  const outcome = offer.serve(far);
  assert.equal(await near.read(), undefined);
  near.end();
  assert.equal(await outcome, "connected");
});

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { labTest } from "../../tests/lab/mod.ts";
import { type Dial, isRefusal, type Refusal, REFUSAL_CODES, REFUSALS } from "./dial.ts";
import type { Duplex } from "./duplex.ts";
import { SocksProxy, type SocksProxyOptions } from "./socks_proxy.ts";
import { connectTcp, type TcpDuplex } from "./tcp_duplex.ts";
import {
  echoServer,
  memoryPair,
  pattern,
  readAll,
  readExactly,
  sendAll,
  TestServer,
  until,
} from "./testing/streams.ts";

const LIMITS = { signal: new AbortController().signal, timeoutMs: 5_000 };
const CONNECT_ECHO = socksRequest("echo.weft.internal", 7);
const refuse: Dial = () => Promise.resolve({ refusal: "no-such-name" });

function socksRequest(name: string, port: number): Uint8Array {
  return Uint8Array.of(5, 1, 0, 3, name.length, ...new TextEncoder().encode(name), port >> 8, port & 0xff);
}

function start(dial: Dial, options: SocksProxyOptions = {}): SocksProxy {
  const proxy = new SocksProxy(dial, { port: 0, ...options });
  proxy.start();
  return proxy;
}

async function connect(proxy: SocksProxy): Promise<TcpDuplex> {
  const stream = await connectTcp("127.0.0.1", proxy.port ?? assert.fail(), LIMITS);
  assert.ok(!isRefusal(stream));
  return stream;
}

/** @returns a client whose request was answered with success */
async function connectThrough(proxy: SocksProxy): Promise<TcpDuplex> {
  const client = await connect(proxy);
  await client.write(Uint8Array.of(5, 1, 0));
  assert.deepEqual(await readExactly(client, 2), Uint8Array.of(5, 0));
  await client.write(CONNECT_ECHO);
  assert.deepEqual(await readExactly(client, 10), Uint8Array.of(5, 0, 0, 1, 0, 0, 0, 0, 0, 0));
  return client;
}

/** Reaches `server` under whatever name and port. */
const dialServer = (server: TestServer): Dial => (_host, _port, signal) =>
  connectTcp("127.0.0.1", server.port, { signal, timeoutMs: 5_000 });

Deno.test("SocksProxy carries 8 MB both ways, and the end of one direction", async () => {
  const sent = pattern(8 << 20);
  const asked: unknown[] = [];
  await using server = echoServer();
  const dial = dialServer(server);
  await using proxy = start((host, port, signal) => {
    asked.push([host, port]);
    return dial(host, port, signal);
  });
  const client = await connectThrough(proxy);
  const [, received] = await Promise.all([sendAll(client, sent), readAll(client)]);
  assert.equal(Buffer.compare(received, sent), 0);
  assert.deepEqual(asked, [["echo.weft.internal", 7]]);
  await until(() => proxy.counts.active === 0);
  assert.equal(proxy.counts.connected, 1);
});

Deno.test("SocksProxy serves a client that sends everything at once, and one that sends byte by byte", async () => {
  await using server = echoServer();
  await using proxy = start(dialServer(server));
  const everything = Uint8Array.of(5, 2, 1, 0, ...CONNECT_ECHO, ...new TextEncoder().encode("early"));
  for (const step of [everything.length, 1]) {
    const client = await connect(proxy);
    for (let at = 0; at < everything.length; at += step) {
      await client.write(everything.subarray(at, at + step));
    }
    client.end();
    const answer = await readAll(client);
    assert.deepEqual(answer.subarray(0, 12), Uint8Array.of(5, 0, 5, 0, 0, 1, 0, 0, 0, 0, 0, 0));
    assert.equal(new TextDecoder().decode(answer.subarray(12)), "early");
  }
});

for (const refusal of REFUSALS) {
  Deno.test(`SocksProxy answers ${refusal} with code ${REFUSAL_CODES[refusal]}`, async () => {
    await using proxy = start(() => Promise.resolve({ refusal }));
    const client = await connect(proxy);
    await client.write(Uint8Array.of(5, 1, 0, ...CONNECT_ECHO));
    // So much that something is unread when the answer goes.
    const writing = client.write(new Uint8Array(1 << 20));
    assert.deepEqual((await readAll(client)).subarray(2, 4), Uint8Array.of(5, REFUSAL_CODES[refusal]));
    // Closed under it, the client would get RST for what it still sends, and might lose the answer by that.
    assert.equal(proxy.counts.active, 1);
    assert.equal(await writing, true);
    client.end();
    await until(() => proxy.counts.active === 0);
    assert.equal(proxy.counts[refusal], 1);
    assert.equal(proxy.counts.connected, 0);
  });
}

const faults: readonly (readonly [string, number[], number[]])[] = [
  ["not-socks5", [4, 1, 0, 80, 1, 2, 3, 4, 0], []],
  ["no-method", [5, 1, 2], [5, 0xff]],
  ["unsupported-command", [5, 1, 0, 5, 3, 0, 1, 0, 0, 0, 0, 0, 80], [5, 0, 5, 7, 0, 1, 0, 0, 0, 0, 0, 0]],
  ["unsupported-address", [5, 1, 0, 5, 1, 0, 9], [5, 0, 5, 8, 0, 1, 0, 0, 0, 0, 0, 0]],
  ["malformed", [5, 1, 0, 5, 1, 0, 3, 0], [5, 0, 5, 1, 0, 1, 0, 0, 0, 0, 0, 0]],
  ["closed-early", [5, 1, 0, 5, 1], [5, 0]],
];
for (const [fault, sent, answer] of faults) {
  Deno.test(`SocksProxy turns a client away: ${fault}`, async () => {
    await using proxy = start(() => assert.fail("nobody is dialled"));
    const client = await connect(proxy);
    await client.write(Uint8Array.from(sent));
    client.end();
    assert.deepEqual(await readAll(client), Uint8Array.from(answer));
    await until(() => proxy.counts.active === 0);
    assert.equal((proxy.counts as unknown as Record<string, number>)[fault], 1);
  });
}

Deno.test("SocksProxy closes a client that says nothing, and one that goes on for ever", async () => {
  await using proxy = start(refuse, { handshakeTimeoutMs: 40 });
  const silent = await connect(proxy);
  assert.equal(await silent.read(), undefined);
  silent.reset(1);
  const slow = await connect(proxy);
  await slow.write(Uint8Array.of(5, 255));
  while (await slow.write(Uint8Array.of(0))) await new Promise((resolve) => setTimeout(resolve, 5));
  await until(() => proxy.counts.active === 0);
  assert.equal(proxy.counts["handshake-timeout"], 2);
});

Deno.test("SocksProxy waits for a dial only so long, and resets a stream that comes too late", async () => {
  const [late, far] = memoryPair();
  const { promise, resolve } = Promise.withResolvers<Duplex>();
  await using proxy = start(() => promise, { dialTimeoutMs: 20 });
  const client = await connect(proxy);
  await client.write(Uint8Array.of(5, 1, 0, ...CONNECT_ECHO));
  client.end();
  assert.deepEqual((await readAll(client)).subarray(2, 4), Uint8Array.of(5, REFUSAL_CODES.timeout));
  resolve(late);
  assert.equal(await far.read(), undefined);
  assert.equal(far.resetCode, REFUSAL_CODES.timeout);
});

Deno.test("SocksProxy answers a dial that throws with a general failure", async () => {
  const dials: Dial[] = [() => Promise.reject(new Error("x")), () => assert.fail("x")];
  for (const dial of dials) {
    await using proxy = start(dial);
    const client = await connect(proxy);
    await client.write(Uint8Array.of(5, 1, 0, ...CONNECT_ECHO));
    client.end();
    assert.deepEqual((await readAll(client)).subarray(2, 4), Uint8Array.of(5, 1));
    assert.equal(proxy.counts.failed, 1);
  }
});

Deno.test("SocksProxy serves 200 clients at once and turns away those over its limit", async () => {
  await using server = echoServer();
  await using proxy = start(dialServer(server), { maxConnections: 200 });
  const clients = await Promise.all(Array.from({ length: 200 }, () => connectThrough(proxy)));
  assert.equal(proxy.counts.active, 200);
  const over = await connect(proxy);
  assert.equal(await over.read(), undefined);
  over.reset(1);
  assert.equal(proxy.counts["over-limit"], 1);
  const answers = await Promise.all(clients.map(async (client, i) => {
    await sendAll(client, new TextEncoder().encode(`client ${i}`));
    return new TextDecoder().decode(await readAll(client));
  }));
  assert.deepEqual(answers, clients.map((_, i) => `client ${i}`));
  await until(() => proxy.counts.active === 0);
  (await connectThrough(proxy)).reset(1);
});

Deno.test("SocksProxy.stop() ends clients at every stage, and may be repeated; start() begins anew", async () => {
  await using server = echoServer();
  const reach = dialServer(server);
  let isHanging = false;
  const proxy = start((...args) => isHanging ? new Promise<never>(() => {}) : reach(...args));
  const { port } = proxy;
  proxy.start();
  assert.equal(proxy.port, port);
  const silent = await connect(proxy);
  const idle = await connectThrough(proxy);
  const busy = await connectThrough(proxy);
  const writing = (async () => {
    while (await busy.write(new Uint8Array(1 << 16)));
  })();
  isHanging = true;
  const dialling = await connect(proxy);
  await dialling.write(Uint8Array.of(5, 1, 0, ...CONNECT_ECHO));
  await until(() => proxy.counts.active === 4);
  await Promise.all([proxy.stop(), proxy.stop()]);
  await proxy.stop();
  assert.equal(proxy.counts.active, 0);
  assert.equal(proxy.port, undefined);
  await writing;
  assert.equal(await silent.read(), undefined);
  assert.equal(await idle.read(), undefined);
  for (const client of [silent, idle, busy, dialling]) client.reset(1);
  await until(() => server.active === 0);

  isHanging = false;
  proxy.start();
  (await connectThrough(proxy)).reset(1);
  await proxy.stop();
});

Deno.test("SocksProxy says that its port is in use", async () => {
  await using first = start(refuse);
  const second = new SocksProxy(refuse, { port: first.port ?? assert.fail() });
  assert.throws(() => second.start(), { code: "PortInUse", message: `TCP port ${first.port} is in use` });
  const elsewhere = new SocksProxy(refuse, { port: 0, hostname: "192.0.2.1" });
  assert.throws(() => elsewhere.start(), { code: "Socket", message: /192\.0\.2\.1/ });
});

labTest("curl reaches a name through SocksProxy, and hears why it does not", ["curl"], async () => {
  await using server = new TestServer(async (stream) => {
    await stream.read();
    await stream.write(new TextEncoder().encode("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nthe mesh\n"));
    stream.end();
    await stream.read();
  });
  const reach = dialServer(server);
  await using proxy = start((host, ...args) => {
    const refusal: Refusal = "no-such-name";
    return host === "web.weft.internal" ? reach(host, ...args) : Promise.resolve({ refusal });
  });
  const curl = (name: string): Promise<Deno.CommandOutput> => {
    const through = ["--socks5-hostname", `127.0.0.1:${proxy.port}`];
    return new Deno.Command("curl", { args: ["-sS", "-m", "5", ...through, `http://${name}/`] }).output();
  };
  const found = await curl("web.weft.internal");
  assert.equal(new TextDecoder().decode(found.stdout), "the mesh\n");
  const missing = await curl("nobody.weft.internal");
  // CURLE_PROXY, or CURLE_COULDNT_CONNECT before 7.73
  assert.ok([97, 7].includes(missing.code), `code ${missing.code}`);
  assert.match(new TextDecoder().decode(missing.stderr), /nobody\.weft\.internal/);
  await until(() => proxy.counts.active === 0);
  assert.equal(proxy.counts["no-such-name"], 1);
});

import assert from "node:assert/strict";
import { decodeMessage, type DnsMessage, DomainName, encodeMessage, FLAG, parseType } from "../dns/mod.ts";
import { Cidr, Endpoint, IpAddress } from "../net/mod.ts";
import { dialTcp, openUdp, PortInUseError } from "../transport/mod.ts";
import { type DnsConfig, InvalidRecordError } from "./dns_config.ts";
import type { DnsHandle } from "./dns_handle.ts";
import { DnsServer } from "./dns_server.ts";
import { FrameStream } from "./frame_stream.ts";

const loopback = IpAddress.fromBytes(Uint8Array.of(127, 0, 0, 1));
const anyPort = new Endpoint(loopback, 0);

type Start = (config?: Partial<DnsConfig>) => Promise<DnsHandle>;

function start(config: Partial<DnsConfig> = {}): Promise<DnsHandle> {
  return new DnsServer({ listen: [anyPort], sockets: "portable", ...config }).start();
}

/** Runs the same over both kinds of sockets. */
function socketTest(name: string, test: (start: Start) => Promise<void>): void {
  for (const sockets of ["portable", "fast"] as const) {
    Deno.test({
      name: `${name} (${sockets})`,
      ignore: sockets === "fast" && Deno.build.os !== "linux",
      fn: () =>
        test(async (config) => {
          const handle = await start({ sockets, ...config });
          assert.equal(handle.sockets, sockets);
          return handle;
        }),
    });
  }
}

function query(name: string, type = "A", id = 1): Uint8Array {
  const owner = DomainName.parse(name);
  assert(owner !== undefined);
  return encodeMessage({
    id,
    flags: FLAG.RD,
    opcode: 0,
    responseCode: 0,
    questions: [{ name: owner, type: parseType(type) ?? 0, class: 1 }],
    answers: [],
    authority: [],
    additional: [],
  });
}

function at(handle: DnsHandle): Endpoint {
  const [endpoint] = handle.endpoints;
  assert(endpoint !== undefined);
  return endpoint;
}

function decoded(bytes: Uint8Array | undefined): DnsMessage {
  const message = decodeMessage(bytes ?? new Uint8Array());
  assert(typeof message === "object", String(message));
  return message;
}

async function askUdp(server: Endpoint, bytes: Uint8Array): Promise<DnsMessage> {
  const socket = openUdp({ port: 0, address: loopback });
  try {
    socket.send(bytes, server);
    const batch = await socket.receiveBatch();
    return decoded(batch?.datagram(0).slice());
  } finally {
    socket.close();
  }
}

async function openTcp(server: Endpoint) {
  const stream = await dialTcp(server, { timeoutMs: 2000 });
  assert(stream !== undefined);
  return { stream, frames: new FrameStream(stream), [Symbol.dispose]: () => stream.close() };
}

socketTest("DnsServer answers over UDP and TCP, and forgets what is removed", async (start) => {
  await using handle = await start();
  handle.add({ name: "db", type: "A", data: "10.200.0.9" });
  assert.equal((await askUdp(at(handle), query("db.weft.internal"))).answers.length, 1);
  using tcp = await openTcp(at(handle));
  for (let i = 0; i < 3; i++) {
    await tcp.frames.write(query("db.weft.internal", "A", i));
    const response = decoded(await tcp.frames.read());
    assert.deepEqual([response.id, response.answers.length], [i, 1]);
  }
  assert.equal(handle.remove("db").length, 1);
  assert.equal((await askUdp(at(handle), query("db.weft.internal"))).responseCode, 3);
  await tcp.frames.write(query("db.weft.internal"));
  assert.equal(decoded(await tcp.frames.read()).responseCode, 3);
  assert.equal(handle.counters().nxdomain, 2);
});

socketTest("DnsServer.start() gets the port of a server that has just stopped", async (start) => {
  let handle = await start();
  const endpoint = at(handle);
  for (let i = 0; i < 3; i++) {
    await handle.stop();
    handle = await start({ listen: [endpoint] });
  }
  using connection = await openTcp(endpoint);
  await connection.frames.write(query("ns.weft.internal"));
  assert.equal(decoded(await connection.frames.read()).id, 1);
  await handle.stop();
});

socketTest("DnsServer answers many queries that came in one piece, or byte by byte", async (start) => {
  await using handle = await start();
  using tcp = await openTcp(at(handle));
  const framed = (id: number) => {
    const bytes = query("a.weft.internal", "A", id);
    return [bytes.length >> 8, bytes.length & 255, ...bytes];
  };
  await tcp.stream.write(Uint8Array.from([1, 2, 3].flatMap(framed)));
  for (const id of [1, 2, 3]) assert.equal(decoded(await tcp.frames.read()).id, id);
  for (const byte of framed(4)) await tcp.stream.write(Uint8Array.of(byte));
  assert.equal(decoded(await tcp.frames.read()).id, 4);
});

socketTest("DnsServer gives the whole of what is cut over UDP", async (start) => {
  await using handle = await start();
  for (let i = 0; i < 60; i++) handle.add({ name: "many", type: "A", data: `10.0.0.${i}` });
  const cut = await askUdp(at(handle), query("many.weft.internal"));
  assert.deepEqual([cut.flags & FLAG.TC, cut.answers.length], [FLAG.TC, 0]);
  using tcp = await openTcp(at(handle));
  await tcp.frames.write(query("many.weft.internal"));
  assert.equal(decoded(await tcp.frames.read()).answers.length, 60);
});

socketTest(
  "DnsServer closes a connection that is idle, and one that sends what is no query",
  async (start) => {
    await using handle = await start({ limits: { tcp: { idleTimeoutMs: 50 } } });
    using idle = await openTcp(at(handle));
    await idle.stream.write(Uint8Array.of(0));
    assert.equal(await idle.frames.read(), undefined);
    using short = await openTcp(at(handle));
    await short.stream.write(Uint8Array.of(0, 3, 1, 2, 3));
    assert.equal(await short.frames.read(), undefined);
    assert.equal(handle.counters()["dropped-short"], 1);
  },
);

socketTest("DnsServer bounds connections, in all and of one source", async (start) => {
  await using handle = await start({ limits: { tcp: { maxConnections: 2 } } });
  using oldest = await openTcp(at(handle));
  using middle = await openTcp(at(handle));
  using newest = await openTcp(at(handle));
  assert.equal(await oldest.frames.read(), undefined);
  for (const { frames } of [middle, newest]) {
    await frames.write(query("a.weft.internal"));
    assert.equal(decoded(await frames.read()).responseCode, 3);
  }
  await using narrow = await start({ limits: { tcp: { maxPerSource: 1 } } });
  using first = await openTcp(at(narrow));
  await first.frames.write(query("a.weft.internal"));
  await first.frames.read();
  using second = await openTcp(at(narrow));
  assert.equal(await second.frames.read(), undefined);
  assert.equal(narrow.counters()["dropped-connections"], 1);
});

socketTest(
  "DnsServer forwards to other servers, over UDP and then TCP, and says SERVFAIL when they are silent",
  async (start) => {
    await using upstream = await start({ zone: "example.com" });
    upstream.add({ name: "www", type: "A", data: "203.0.113.7" });
    for (let i = 0; i < 100; i++) upstream.add({ name: "many", type: "A", data: `10.0.0.${i}` });
    const silent = openUdp({ port: 0, address: loopback });
    await using handle = await start({
      forward: [
        { suffix: "example.com", servers: [at(upstream)] },
        { suffix: "silent.test", servers: [new Endpoint(loopback, silent.localPort)] },
      ],
      limits: { forward: { attemptTimeoutMs: 50, maxAttempts: 2 } },
    });
    const response = await askUdp(at(handle), query("www.example.com"));
    assert.equal(response.answers.length, 1);
    assert.equal(response.flags & (FLAG.AA | FLAG.RA), FLAG.RA);
    using tcp = await openTcp(at(handle));
    await tcp.frames.write(query("many.example.com"));
    assert.equal(decoded(await tcp.frames.read()).answers.length, 100);
    assert.equal((await askUdp(at(handle), query("x.silent.test"))).responseCode, 2);
    assert.equal((await askUdp(at(handle), query("example.org"))).responseCode, 5);
    assert.equal(handle.counters()["forward-timeout"], 2);
    silent.close();
  },
);

socketTest("DnsServer says SERVFAIL for what is under way when nobody listens", async (start) => {
  const port = 1;
  await using handle = await start({
    forward: [{ suffix: ".", servers: [new Endpoint(loopback, port)] }],
    limits: { forward: { attemptTimeoutMs: 30, maxAttempts: 1 } },
  });
  assert.equal((await handle.query("example.org.")).responseCode, 2);
});

socketTest("DnsServer always answers this host itself", async (start) => {
  const elsewhere = Cidr.of(IpAddress.fromBytes(Uint8Array.of(10, 200, 0, 0)), 16);
  await using handle = await start({ clients: [elsewhere], limits: { queriesPerSecond: 1 } });
  for (let i = 0; i < 3; i++) {
    assert.equal((await askUdp(at(handle), query("a.weft.internal"))).responseCode, 3);
  }
});

socketTest(
  "DnsServer answers the same again and again, each with its id and spelling, until the zone changes",
  async (start) => {
    await using handle = await start();
    handle.add({ name: "db", type: "A", data: "10.200.0.9" });
    for (
      const [i, name] of ["db.weft.internal", "DB.weft.internal", "dB.WEFT.internal", "db.weft.internal"]
        .entries()
    ) {
      const response = await askUdp(at(handle), query(name, "A", 100 + i));
      assert.equal(response.id, 100 + i);
      assert.equal(response.questions[0]?.name.toString(), `${name}.`);
      assert.equal(response.answers[0]?.name.toString(), `${name}.`);
      assert.equal(response.answers[0]?.data.join("."), "10.200.0.9");
    }
    handle.add({ name: "db", type: "A", data: "10.200.0.10" });
    assert.equal((await askUdp(at(handle), query("db.weft.internal"))).answers.length, 2);
    handle.remove("db");
    assert.equal((await askUdp(at(handle), query("db.weft.internal"))).responseCode, 3);
    assert.deepEqual([handle.counters().noerror, handle.counters().nxdomain], [5, 1]);
  },
);

socketTest("DnsServer answers what is malformed, and drops what is no query", async (start) => {
  await using handle = await start();
  const socket = openUdp({ port: 0, address: loopback });
  for (const hex of ["", "00", "1111818000010000000000000161000001", "2222010000010000000000000c"]) {
    socket.send(Uint8Array.fromHex(hex), at(handle));
  }
  socket.send(new Uint8Array(5000), at(handle));
  socket.send(query("a.weft.internal", "A", 9), at(handle));
  const codes = new Map<number, number>();
  while (codes.size < 3) {
    const batch = await socket.receiveBatch();
    for (let i = 0; i < (batch?.count ?? 0); i++) {
      const bytes = batch?.datagram(i) ?? new Uint8Array(12);
      codes.set(((bytes[0] ?? 0) << 8) | (bytes[1] ?? 0), (bytes[3] ?? 0) & 15);
    }
  }
  socket.close();
  assert.deepEqual([codes.get(0x2222), codes.get(0), codes.get(9)], [1, 1, 3]);
  assert.equal(handle.counters()["dropped-response"], 1);
});

socketTest("DnsServer answers a thousand queries at once", async (start) => {
  await using handle = await start();
  for (let i = 0; i < 50; i++) handle.add({ name: `n${i}`, type: "A", data: `10.0.0.${i}` });
  const socket = openUdp({ port: 0, address: loopback });
  const seen = new Set<number>();
  for (let id = 0; id < 1000; id++) {
    socket.send(query(`n${id % 50}.weft.internal`, "A", id), at(handle));
    if (id % 100 !== 99) continue;
    while (seen.size < id + 1) {
      const batch = await socket.receiveBatch();
      const response = decoded(batch?.datagram(0).slice());
      assert.equal(response.answers[0]?.data[3], response.id % 50);
      seen.add(response.id);
    }
  }
  socket.close();
  assert.equal(handle.counters().noerror, 1000);
});

Deno.test("DnsServer gives a port that is taken its name, and leaves nothing open", async () => {
  await using handle = await start();
  await assert.rejects(start({ listen: [anyPort, at(handle)] }), PortInUseError);
});

Deno.test({
  name: "DnsServer answers the portable way when the fast one's thread does not start, on the same ports",
  ignore: Deno.build.os !== "linux",
  async fn() {
    // More than the thread can wait for: it fails after it was handed them.
    const listen = Array.from(
      { length: 40 },
      (_, i) => new Endpoint(IpAddress.fromBytes(Uint8Array.of(127, 0, 0, i + 1)), 0),
    );
    await assert.rejects(start({ listen, sockets: "fast" }), {
      message: /the fast name server: .*40 sockets/,
    });
    await using handle = await start({ listen, sockets: "auto" });
    const early = openUdp({ port: 0, address: loopback });
    early.send(query("web.weft.internal"), at(handle));
    while (handle.sockets !== "portable") await new Promise((resolve) => setTimeout(resolve, 5));
    early.close();
    handle.add({ name: "web", type: "A", data: "10.200.0.9" });
    assert.equal((await askUdp(at(handle), query("web.weft.internal"))).answers.length, 1);
  },
});

Deno.test({
  name: "DnsServer has its thread when the first query has come, and no other",
  ignore: Deno.build.os !== "linux",
  async fn(test) {
    let threads = 0;
    const { Worker } = globalThis;
    globalThis.Worker = class extends Worker {
      constructor(...args: ConstructorParameters<typeof Worker>) {
        super(...args);
        threads++;
      }
    };
    using stack = new DisposableStack();
    stack.defer(() => globalThis.Worker = Worker);
    await test.step("its first query is answered, and so is the next", async () => {
      await using handle = await start({ sockets: "auto" });
      handle.add({ name: "web", type: "A", data: "10.200.0.9" });
      assert.deepEqual([handle.sockets, threads], ["fast", 0]);
      for (const id of [7, 8]) {
        const { answers, ...message } = await askUdp(at(handle), query("web.weft.internal", "A", id));
        assert.deepEqual([message.id, answers.length], [id, 1]);
      }
      assert.deepEqual([handle.sockets, threads], ["fast", 1]);
    });
    await test.step("who hides names before that never has it", async () => {
      await using handle = await start({ sockets: "auto" });
      handle.add({ name: "web", type: "A", data: "10.200.0.9" });
      await handle.hideFrom(() => () => false);
      assert.equal(handle.sockets, "portable");
      assert.equal((await askUdp(at(handle), query("web.weft.internal"))).answers.length, 1);
    });
    assert.equal(threads, 1);
  },
});

Deno.test("DnsHandle refuses records that are none, or would not be seen", async () => {
  await using handle = await start();
  handle.add({ name: "www", type: "CNAME", data: "db" });
  for (
    const record of [
      { name: "a b", type: "A", data: "10.0.0.1" },
      { name: "x.example.com.", type: "A", data: "10.0.0.1" },
      { name: "www", type: "A", data: "10.0.0.1" },
      { name: "www", type: "CNAME", data: "other" },
    ]
  ) assert.throws(() => handle.add(record), InvalidRecordError, record.data);
  assert.deepEqual(handle.list().map(({ name, type }) => `${name} ${type}`), ["www.weft.internal. CNAME"]);
});

Deno.test("DnsHandle removes by name, by type, and by data", async () => {
  await using handle = await start();
  for (const data of ["10.0.0.1", "10.0.0.2"]) handle.add({ name: "a", type: "A", data });
  handle.add({ name: "a", type: "TXT", data: "x" });
  assert.equal(handle.remove("b").length, 0);
  assert.equal(handle.remove("a", "A", "10.0.0.2").length, 1);
  assert.equal(handle.remove("a", "A").length, 1);
  assert.equal(handle.remove("A.weft.internal.").length, 1);
  assert.deepEqual(handle.list(), []);
});

Deno.test("DnsServer refuses names that are none", () => {
  for (const zone of ["", "a..b", "x y"]) {
    assert.throws(() => new DnsServer({ listen: [], zone }), InvalidRecordError);
  }
});

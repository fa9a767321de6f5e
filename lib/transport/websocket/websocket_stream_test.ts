import assert from "node:assert/strict";
import { type ByteStream, concatBytes, SeededRandom, utf8Bytes } from "../../base/mod.ts";
import { listenTcp } from "../tcp.ts";
import { dialTcp } from "../tcp.ts";
import { Endpoint, IpAddress } from "../../net/mod.ts";
import { pattern, readAll, testByteStream } from "../testing/byte_stream_suite.ts";
import { memoryStreamPair } from "../testing/memory_stream.ts";
import { encodeFrame, FrameDecoder, Opcode } from "./frame_decoder.ts";
import { requestUpgrade, UpgradableStream } from "./upgrade.ts";
import { WebSocketStream } from "./websocket_stream.ts";

const MASK = Uint8Array.of(1, 2, 3, 4);

async function tcpPair(): Promise<readonly [ByteStream, ByteStream]> {
  const listener = listenTcp({ port: 0 });
  const accepting = listener.accept();
  const endpoint = new Endpoint(IpAddress.parse("127.0.0.1") ?? assert.fail(), listener.localPort);
  const dialled = await dialTcp(endpoint, { timeoutMs: 5_000 });
  const accepted = await accepting;
  listener.close();
  return [dialled ?? assert.fail(), accepted?.stream ?? assert.fail()];
}

testByteStream("WebSocketStream from client to server", async () => {
  const [client, server] = await tcpPair();
  return [new WebSocketStream(client, "client"), new WebSocketStream(server, "server")];
});
testByteStream("UpgradableStream of plain bytes", async () => {
  const [client, server] = await tcpPair();
  return [client, new UpgradableStream(server)];
});

/** @returns what a server sees of the bytes that a client sends, cut into pieces */
async function received(
  bytes: Uint8Array,
  pieceBytes: number,
): Promise<{ got: Uint8Array; answer: Uint8Array }> {
  const [client, inner] = memoryStreamPair({ capacityBytes: 8 << 20 });
  const server = new WebSocketStream(inner, "server");
  const reading = readAll(server);
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    if (!await client.write(bytes.subarray(at, at + pieceBytes))) break;
  }
  // What is no violation would wait for more.
  setTimeout(() => inner.close(), 20);
  const got = await reading;
  const answers: Uint8Array[] = [];
  const block = new Uint8Array(4_096);
  for (;;) {
    const length = await client.read(block);
    if (length === undefined) break;
    answers.push(block.slice(0, length));
  }
  return { got, answer: concatBytes(...answers) };
}

const frame = (opcode: number, payload: Uint8Array, change?: (bytes: Uint8Array) => void): Uint8Array => {
  const bytes = encodeFrame(opcode, payload, MASK);
  change?.(bytes);
  return bytes;
};
const notLast = (bytes: Uint8Array): void => void (bytes[0] = (bytes[0] ?? 0) & 0x7f);
const closes = (code: number): string =>
  encodeFrame(Opcode.close, Uint8Array.of(code >> 8, code & 255)).toHex();

const HOSTILE: readonly [string, Uint8Array, number][] = [
  ["a frame that is not masked", encodeFrame(Opcode.binary, utf8Bytes("x")), 1002],
  ["a reserved bit", frame(Opcode.binary, utf8Bytes("x"), (b) => void (b[0] = 0xc2)), 1002],
  ["an unknown opcode", frame(3, utf8Bytes("x")), 1002],
  ["text", frame(Opcode.text, utf8Bytes("x")), 1003],
  ["a continuation of nothing", frame(Opcode.continuation, utf8Bytes("x")), 1002],
  [
    "a message within another",
    concatBytes(frame(Opcode.binary, new Uint8Array(0), notLast), frame(Opcode.binary, utf8Bytes("x"))),
    1002,
  ],
  ["a ping in parts", frame(Opcode.ping, utf8Bytes("x"), notLast), 1002],
  ["a long ping", frame(Opcode.ping, new Uint8Array(126)), 1002],
  ["a close of one byte", frame(Opcode.close, new Uint8Array(1)), 1002],
  ["a frame of 4 GiB", Uint8Array.of(0x82, 0xff, 0, 0, 0, 1, 0, 0, 0, 0, 1, 2, 3, 4), 1009],
  ["a length below zero", Uint8Array.of(0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4), 1002],
  ["a length in more bytes than it needs", Uint8Array.of(0x82, 0xfe, 0, 5, 1, 2, 3, 4), 1002],
  ["a longer one of that", Uint8Array.of(0x82, 0xff, 0, 0, 0, 0, 0, 0, 1, 0, 1, 2, 3, 4), 1002],
];

Deno.test("WebSocketStream closes with the code that RFC 6455 names", async (test) => {
  for (const [name, bytes, code] of HOSTILE) {
    await test.step(name, async () => {
      const good = frame(Opcode.binary, utf8Bytes("good"));
      const { got, answer } = await received(concatBytes(good, bytes, good), 1_000);
      assert.deepEqual(got, utf8Bytes("good"));
      assert.equal(answer.toHex(), closes(code));
    });
  }
});

Deno.test("WebSocketStream joins fragments, with control between them, however slowly they come", async () => {
  const sent = pattern(3_000);
  const frames = concatBytes(
    frame(Opcode.binary, sent.subarray(0, 1_000), notLast),
    frame(Opcode.ping, utf8Bytes("are you there")),
    frame(Opcode.continuation, new Uint8Array(0), notLast),
    frame(Opcode.continuation, sent.subarray(1_000, 1_100), notLast),
    frame(Opcode.pong, new Uint8Array(125)),
    frame(Opcode.continuation, sent.subarray(1_100)),
    frame(Opcode.close, Uint8Array.of(3, 232)),
  );
  for (const pieceBytes of [1, 7, 1_001, 10_000]) {
    const { got, answer } = await received(frames, pieceBytes);
    assert.deepEqual(got, sent);
    const pong = encodeFrame(Opcode.pong, utf8Bytes("are you there")).toHex();
    assert.equal(answer.toHex(), pong + closes(1000));
  }
});

Deno.test("WebSocketStream keeps one answer due to an end that floods it with pings and reads nothing", async () => {
  const [client, inner] = memoryStreamPair({ capacityBytes: 1_024 });
  const server = new WebSocketStream(inner, "server");
  const reading = server.read(new Uint8Array(1));
  const ping = frame(Opcode.ping, new Uint8Array(125));
  for (let i = 0; i < 2_000; i++) assert.ok(await client.write(ping));
  const block = new Uint8Array(4_096);
  let answered = 0;
  for (let i = 0; i < 20; i++) {
    const length = await Promise.race([
      client.read(block),
      new Promise<number>((r) => setTimeout(() => r(0), 20)),
    ]);
    if (length === undefined || length === 0) break;
    answered += length;
  }
  assert.ok(answered <= 4_096, `${answered} bytes`);
  client.close();
  server.close();
  assert.equal(await reading, undefined);
});

Deno.test("FrameDecoder survives any bytes, and reads the same however they are cut", () => {
  const random = new SeededRandom(3);
  for (let run = 0; run < 2_000; run++) {
    const bytes = new Uint8Array(200);
    random.fill(bytes);
    // Headers that are nearly right get further.
    if (run % 2 === 0) bytes.set([0x82, 0x80 | run % 126], 0);
    const parts = [1, 13, 200].map((pieceBytes) => {
      const decoder = new FrameDecoder(true);
      const seen: string[] = [];
      let data = "";
      for (let at = 0; at < bytes.length; at += pieceBytes) {
        decoder.push(bytes.slice(at, at + pieceBytes));
        for (let part = decoder.next(); part !== undefined; part = decoder.next()) {
          if (part.kind === "data") data += part.bytes.toHex();
          else seen.push(part.kind === "violation" ? `${part.code}` : part.kind + part.payload.toHex());
          if (part.kind === "violation") return [data, ...seen].join();
        }
      }
      return [data, ...seen].join();
    });
    assert.equal(new Set(parts).size, 1, parts.join("\n"));
  }
});

const REQUEST = "GET /weft HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n" +
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

/** @returns the first line of the answer to a request, and what else it says */
async function answerTo(request: string): Promise<string> {
  const [client, inner] = memoryStreamPair();
  const server = new UpgradableStream(inner);
  const reading = server.read(new Uint8Array(10));
  await client.write(utf8Bytes(request));
  const block = new Uint8Array(4_096);
  const late = new Promise<number>((resolve) => setTimeout(() => resolve(0), 50));
  const length = await Promise.race([client.read(block), late]) ?? 0;
  client.close();
  server.close();
  await reading;
  return new TextDecoder().decode(block.subarray(0, length));
}

Deno.test("UpgradableStream answers as in RFC 6455 §1.3", async () => {
  assert.equal(
    await answerTo(REQUEST),
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
      "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
  );
});

const REQUESTS: readonly [string, string, string][] = [
  ["another path", REQUEST.replace("/weft", "/"), "404"],
  ["a path above", REQUEST.replace("/weft", "/weft/../weft"), "404"],
  ["no upgrade", REQUEST.replace("Upgrade: websocket\r\n", ""), "426"],
  ["another version", REQUEST.replace("Version: 13", "Version: 8"), "400"],
  ["two keys", REQUEST.replace("Host: a", "Host: a\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="), "400"],
  ["a short key", REQUEST.replace("dGhlIHNhbXBsZSBub25jZQ==", "AAAA"), "400"],
  ["no host", REQUEST.replace("Host: a\r\n", ""), "400"],
  ["HTTP/1.0", REQUEST.replace("HTTP/1.1", "HTTP/1.0"), "400"],
  ["a folded field", REQUEST.replace("Host: a", "Host: a\r\n b"), "400"],
  ["a bare line feed", REQUEST.replace("Host: a", "Host: a\nX: y"), "400"],
  ["a zero byte", REQUEST.replace("Host: a", "Host: \0"), "400"],
  [
    "a head without end",
    "GET /weft HTTP/1.1\r\n" + "X: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n".repeat(400),
    "400",
  ],
  ["many fields", REQUEST.replace("Host: a", "Host: a" + "\r\nA: b".repeat(70)), "400"],
];

Deno.test("UpgradableStream says once that it is a WebSocket, and of no other stream", async () => {
  for (const [first, expected] of [[REQUEST, 1], ["\x00\x20plain bytes, no request", 0]] as const) {
    const [client, inner] = memoryStreamPair({ capacityBytes: 8 << 20 });
    const server = new UpgradableStream(inner);
    let told = 0;
    server.onWebSocket = () => told++;
    await client.write(utf8Bytes(first));
    const writing = server.write(Uint8Array.of(1));
    const reading = server.read(new Uint8Array(10));
    await writing;
    client.close();
    await reading;
    server.close();
    assert.equal(told, expected);
  }
});

Deno.test("UpgradableStream answers what is no opening handshake, and ends", async (test) => {
  for (const [name, request, status] of REQUESTS) {
    await test.step(name, async () => {
      assert.ok((await answerTo(request)).startsWith(`HTTP/1.1 ${status} `));
    });
  }
});

Deno.test("requestUpgrade() and UpgradableStream agree, and carry bytes", async () => {
  const [near, far] = await tcpPair();
  const server = new UpgradableStream(far);
  const echo = (async () => {
    const block = new Uint8Array(100);
    const length = await server.read(block);
    await server.write(block.subarray(0, length));
  })();
  const client = await requestUpgrade(near, { host: "a:1", path: "/weft" });
  assert.ok(client);
  await client.write(utf8Bytes("hello"));
  assert.deepEqual(await readAll(client, 5), utf8Bytes("hello"));
  await echo;
  assert.ok(server.isWebSocket);
  client.close();
  assert.equal(await server.read(new Uint8Array(1)), undefined);
  server.close();
});

const ANSWERS: readonly [string, string][] = [
  ["no", "HTTP/1.1 403 Forbidden\r\n\r\n"],
  [
    "another key",
    "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: AAAA\r\n\r\n",
  ],
  ["nothing that can be read", "\0\0\0\0\r\n\r\n"],
  ["no end", "HTTP/1.1 101 " + "x".repeat(10_000)],
  ["nothing", ""],
];

Deno.test("requestUpgrade() takes nothing else for agreement", async (test) => {
  for (const [name, answer] of ANSWERS) {
    await test.step(name, async () => {
      const [near, far] = memoryStreamPair();
      const asking = requestUpgrade(near, { host: "a", path: "/weft" });
      await far.write(utf8Bytes(answer));
      if (answer === "") far.close();
      assert.equal(await asking, undefined);
      far.close();
    });
  }
});

import assert from "node:assert/strict";
import { isRefusal } from "./dial.ts";
import { connectTcp } from "./tcp_duplex.ts";
import { echoServer, readAll, tcpPair } from "./testing/streams.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const limits = { signal: new AbortController().signal, timeoutMs: 5_000 };

Deno.test("TcpDuplex closes itself when both directions have ended, and takes nothing afterwards", async () => {
  const [first, second] = await tcpPair();
  first.end();
  assert.equal(await first.write(bytes("x")), false);
  assert.deepEqual(await readAll(second), bytes(""));
  assert.equal(await second.write(bytes("late")), true);
  second.end();
  second.end();
  assert.deepEqual(await readAll(first), bytes("late"));
  await Promise.all([first.closed, second.closed]);
  assert.equal(first.resetCode, undefined);
  first.reset(7);
  assert.equal(first.resetCode, undefined);
  assert.equal(await first.read(), undefined);
  assert.equal(await second.write(bytes("x")), false);
});

Deno.test("TcpDuplex.end() comes after what is being written", async () => {
  const [first, second] = await tcpPair();
  const large = new Uint8Array(8 << 20).fill(7);
  const writing = Promise.all([first.write(large), first.write(bytes("end"))]);
  first.end();
  const read = await readAll(second);
  assert.deepEqual(await writing, [true, true]);
  assert.equal(read.length, large.length + 3);
  assert.deepEqual(read.subarray(-3), bytes("end"));
  second.end();
  await first.read();
  await Promise.all([first.closed, second.closed]);
});

Deno.test("TcpDuplex.reset() ends a read and a write under way", async () => {
  const [first, second] = await tcpPair();
  const reading = first.read();
  const writing = (async () => {
    while (await first.write(new Uint8Array(1 << 20)));
  })();
  first.reset(5);
  first.reset(6);
  assert.equal(await reading, undefined);
  await writing;
  assert.equal(first.resetCode, 5);
  await first.closed;
  second.reset(1);
});

Deno.test("TcpDuplex pieces are not written over by later reads", async () => {
  const [first, second] = await tcpPair();
  await first.write(bytes("one"));
  const one = await second.read();
  await first.write(bytes("two"));
  const two = await second.read();
  assert.deepEqual([one, two], [bytes("one"), bytes("two")]);
  for (const end of [first, second]) end.reset(1);
});

Deno.test("connectTcp() connects, also by name", async () => {
  await using server = echoServer();
  for (const host of ["127.0.0.1", "localhost"]) {
    const stream = await connectTcp(host, server.port, limits);
    assert.ok(!isRefusal(stream));
    await stream.write(bytes(host));
    stream.end();
    assert.deepEqual(await readAll(stream), bytes(host));
    await stream.closed;
  }
});

Deno.test("connectTcp() says why there is no connection", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  assert.deepEqual(await connectTcp("127.0.0.1", port, limits), { refusal: "connection-refused" });
  const aborted = { signal: AbortSignal.abort(), timeoutMs: 5_000 };
  assert.deepEqual(await connectTcp("127.0.0.1", port, aborted), { refusal: "failed" });
  assert.deepEqual(await connectTcp("not a name", 80, limits), { refusal: "no-such-name" });
});

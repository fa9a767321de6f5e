import assert from "node:assert/strict";
import type { ByteStream } from "../base/mod.ts";
import { Endpoint, IpAddress } from "../net/mod.ts";
import { PortInUseError } from "./errors.ts";
import { dialTcp, listenTcp } from "./tcp.ts";
import { testByteStream } from "./testing/byte_stream_suite.ts";

const local = (port: number, address = "127.0.0.1"): Endpoint =>
  new Endpoint(IpAddress.parse(address) ?? assert.fail(address), port);

async function connect(address: string): Promise<readonly [ByteStream, ByteStream]> {
  const listener = listenTcp({ port: 0 });
  const accepting = listener.accept();
  const dialled = await dialTcp(local(listener.localPort, address), { timeoutMs: 5_000 });
  const accepted = await accepting;
  listener.close();
  return [dialled ?? assert.fail("no answer"), accepted?.stream ?? assert.fail("nothing accepted")];
}

function hasIpv6(): boolean {
  try {
    Deno.listen({ hostname: "::1", port: 0 }).close();
    return true;
  } catch {
    return false;
  }
}

testByteStream("dialTcp() over IPv4", () => connect("127.0.0.1"));

if (hasIpv6()) testByteStream("dialTcp() over IPv6", () => connect("::1"));
// deno-lint-ignore no-console -- the reason of a skipped test belongs in the output
else console.log("skipped: dialTcp() over IPv6: this machine has no ::1");

Deno.test("listenTcp() names the source as plain IPv4", async () => {
  const listener = listenTcp({ port: 0 });
  const endpoint = local(listener.localPort);
  const dialled = await dialTcp(endpoint, { timeoutMs: 5_000 });
  const accepted = await listener.accept();
  assert.equal(dialled?.remoteAddress, endpoint.toString());
  assert.equal(accepted?.source.address.toString(), "127.0.0.1");
  assert.equal(accepted?.stream.remoteAddress, accepted?.source.toString());
  for (const end of [dialled, accepted?.stream, listener]) end?.close();
});

Deno.test("listenTcp() says that a port is in use", () => {
  const first = listenTcp({ port: 0 });
  assert.throws(() => listenTcp({ port: first.localPort }), (error) => {
    assert.ok(error instanceof PortInUseError);
    assert.equal(error.message, `TCP port ${first.localPort} is in use`);
    return true;
  });
  first.close();
  listenTcp({ port: first.localPort }).close();
});

Deno.test("listenTcp() ends an accept() under way when it is closed, also twice", async () => {
  const listener = listenTcp({ port: 0 });
  const accepting = listener.accept();
  listener.close();
  listener.close();
  assert.equal(await accepting, undefined);
  assert.equal(await listener.accept(), undefined);
});

Deno.test("listenTcp() goes on after a stream that was gone before it was accepted", async () => {
  const listener = listenTcp({ port: 0 });
  const endpoint = local(listener.localPort);
  (await dialTcp(endpoint, { timeoutMs: 5_000 }))?.close();
  const second = await dialTcp(endpoint, { timeoutMs: 5_000 }) ?? assert.fail();
  await second.write(Uint8Array.of(7));
  for (let isFound = false; !isFound;) {
    const accepted = await listener.accept() ?? assert.fail();
    isFound = await accepted.stream.read(new Uint8Array(1)) === 1;
    accepted.stream.close();
  }
  second.close();
  listener.close();
});

Deno.test("dialTcp() returns undefined where nobody listens", async () => {
  const listener = listenTcp({ port: 0 });
  listener.close();
  assert.equal(await dialTcp(local(listener.localPort), { timeoutMs: 5_000 }), undefined);
});

Deno.test("dialTcp() gives up when it is told to, before and during", async () => {
  const listener = listenTcp({ port: 0 });
  const endpoint = local(listener.localPort);
  assert.equal(await dialTcp(endpoint, { timeoutMs: 5_000, signal: AbortSignal.abort() }), undefined);
  const abort = new AbortController();
  const dialling = dialTcp(endpoint, { timeoutMs: 5_000, signal: abort.signal });
  abort.abort();
  assert.equal(await dialling, undefined);
  listener.close();
});
